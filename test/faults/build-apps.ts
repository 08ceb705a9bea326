import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type { Edit } from './sabotages.js';

const root = new URL('../../', import.meta.url);

/**
 * Bundles receiver and worker: a fault run starts them hundreds of times, and from their sources each start takes seconds.
 * Returns the files to run. They lie as deep below the root as the sources of the packages do, which find the migrations by
 * a relative path. `edits` are made on the way, and not in the sources.
 */
export async function buildApps({
  name = `apps-${process.pid}`,
  edits = [],
  mains = 'fault',
}: {
  name?: string;
  edits?: readonly Edit[];
  /** `real`: what production runs. `fault`: the same apps with failpoints. */
  mains?: 'fault' | 'real';
} = {}) {
  const dir = fileURLToPath(new URL(`.turbo/faults/${name}`, root));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const at = (path: string) => fileURLToPath(new URL(path, root));
  const mainOf = (app: string) =>
    at(mains === 'real' ? `apps/${app}/src/main.ts` : `test/faults/${app}-main.ts`);
  await build({
    entryPoints: {
      receiver: mainOf('receiver'),
      worker: mainOf('worker'),
      'read-body': at('packages/providers/src/read-body.ts'),
      handlers: at('test/faults/siege/handlers.ts'),
    },
    outdir: dir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@semel/source'],
    plugins: [editing(edits)],
    // CommonJS packages need a `require` in an ESM bundle.
    banner: {
      js: [
        "import { createRequire as $createRequire } from 'node:module';",
        "import { dirname as $dirname } from 'node:path';",
        "import { fileURLToPath as $toPath } from 'node:url';",
        'const require = $createRequire(import.meta.url);',
        'const __filename = $toPath(import.meta.url);',
        'const __dirname = $dirname(__filename);',
      ].join(' '),
    },
    logLevel: 'error',
  });
  return { receiver: `${dir}/receiver.mjs`, worker: `${dir}/worker.mjs`, handlers: `${dir}/handlers.mjs` };
}

/** Throws unless the text to replace occurs exactly once: the product has changed, and the edit must follow. */
const editing = (edits: readonly Edit[]): Plugin => ({
  name: 'edits',
  setup({ onLoad, onEnd }) {
    const missing = new Set(edits);
    for (const file of new Set(edits.map((edit) => edit.file))) {
      const path = fileURLToPath(new URL(file, root));
      onLoad({ filter: new RegExp(`${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`) }, async () => {
        let contents = await readFile(path, 'utf8');
        for (const edit of edits.filter((each) => each.file === file)) {
          if (contents.split(edit.find).length !== 2)
            throw new Error(
              `this is not in ${file} exactly once; bring the sabotage up to date:\n${edit.find}`,
            );
          contents = contents.replace(edit.find, () => edit.replace);
          missing.delete(edit);
        }
        return { contents, loader: 'ts' };
      });
    }
    onEnd(() => {
      for (const { file } of missing)
        throw new Error(`${file} is not part of the apps: bring the sabotage up to date`);
    });
  },
});
