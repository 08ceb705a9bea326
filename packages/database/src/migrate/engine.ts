import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { SchemaEngine as Engine } from '@prisma/schema-engine-wasm';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';

export type SchemaFiles = [path: string, content: string][];

// The package's own entry imports its `.wasm` as a module, which Node can't do without a flag.
const { SchemaEngine, __wbg_set_wasm: setWasm } = bindings as unknown as {
  SchemaEngine: typeof Engine;
  __wbg_set_wasm(exports: WasmExports): void;
};

interface WasmExports {
  __wbindgen_start(): void;
}

// Neither TypeScript's ES libraries nor Node's types of version 20 declare it.
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: WasmExports } }>;
};

// The engine calls this by name when it panics; without it the panic is hidden behind a TypeError.
Object.assign(globalThis, {
  PRISMA_WASM_PANIC_REGISTRY: {
    set_message(message: string) {
      throw new Error(`The schema engine panicked: ${message}`);
    },
  },
});

let loading: Promise<void> | undefined;

/** Prisma's schema engine over a bound driver adapter. No network, no native binary. */
export async function openEngine(adapter: object, schema?: SchemaFiles): Promise<Engine> {
  loading ??= load();
  await loading;
  return SchemaEngine.new({ datamodels: schema }, () => {}, adapter);
}

async function load(): Promise<void> {
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
  const bytes = await readFile(path.join(path.dirname(entry), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, {
    './schema_engine_bg.js': { ...bindings, ...unreferencedTimers() },
  });
  setWasm(instance.exports);
  instance.exports.__wbindgen_start();
}

/** The engine bounds its wait for the lock by a timer, and forgets it: ten seconds that no process should live longer for. */
function unreferencedTimers(): Record<string, object> {
  const names = Object.keys(bindings).filter((name) => name.startsWith('__wbg_setTimeout_'));
  const start = (run: () => void, ms: number) => setTimeout(run, ms).unref();
  return Object.fromEntries(names.map((name) => [name, start]));
}
