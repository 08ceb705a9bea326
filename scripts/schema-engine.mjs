// Prisma's schema engine as WebAssembly: it compares prisma/schema with prisma/migrations without a network and without a
// native binary. Only the drift check and the tests use it; `semel migrate` uses its own runner.
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

const filters = { externalTables: [], externalEnums: [] };

/**
 * The SQL that turns what the migrations build into what the schema describes, and a summary of it; both are empty where they
 * agree. The engine compares tables, columns, keys and indexes. It does not see policies, functions, triggers, views, rights
 * or CHECKs. `databaseUrl` names any database of a server on which its role may create a shadow database.
 */
export function diffAgainstSchema({ databaseUrl, migrationsDir, schemaDir }) {
  const schema = readdirSync(schemaDir)
    .filter((name) => name.endsWith('.prisma'))
    .sort()
    .map((name) => [path.join(schemaDir, name), readFileSync(path.join(schemaDir, name), 'utf8')]);
  return withSchemaEngine({ databaseUrl, schema }, async (engine) => {
    const diff = async (script) => {
      const { stdout, exitCode } = await engine.diff({
        from: { tag: 'migrations', ...listMigrations(migrationsDir) },
        to: { tag: 'schemaDatamodel', files: schema.map(([file, content]) => ({ path: file, content })) },
        script,
        exitCode: true,
        filters,
      });
      return exitCode === 0 ? '' : (stdout ?? '').trim();
    };
    return { sql: await diff(true), summary: await diff(false) };
  });
}

/** The migrations of a folder, as the engine's methods take them. */
export function listMigrations(dir) {
  const names = readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return {
    baseDir: path.resolve(dir),
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: names.map((name) => ({
      path: name,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok', value: readFileSync(path.join(dir, name, 'migration.sql'), 'utf8') },
      },
    })),
  };
}

/** Runs `work` with an engine over one session. Throws the adapter's error, since the engine's own message shortens it. */
export async function withSchemaEngine({ databaseUrl, schema }, work) {
  const session = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  const failures = [];
  let engine;
  try {
    loading ??= load();
    await loading;
    const adapter = openAdapter({ databaseUrl, session, failures });
    engine = await bindings.SchemaEngine.new({ datamodels: schema }, () => {}, adapter);
    return await work(engine);
  } catch (error) {
    throw failures[0] ?? error;
  } finally {
    engine?.free();
    await session.end();
  }
}

let loading;

/** The package's own entry imports its `.wasm` as a module, which Node can't do without a flag. */
async function load() {
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
  const bytes = readFileSync(path.join(path.dirname(entry), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, {
    './schema_engine_bg.js': { ...bindings, ...unreferencedTimers() },
  });
  // The engine calls this by name when it panics; without it, a TypeError hides the panic.
  globalThis.PRISMA_WASM_PANIC_REGISTRY = {
    set_message(message) {
      throw new Error(`The schema engine panicked: ${message}`);
    },
  };
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
}

/** The engine never clears the timer that bounds its wait for the lock; it must not keep the process alive for 10 s. */
function unreferencedTimers() {
  const names = Object.keys(bindings).filter((name) => name.startsWith('__wbg_setTimeout_'));
  return Object.fromEntries(names.map((name) => [name, (run, ms) => setTimeout(run, ms).unref()]));
}

/**
 * The engine's adapter. `PrismaPg` alone is not enough: it splits a script at every semicolon, which breaks functions and DO
 * blocks, and with a connection URL its shadow database is the main one.
 */
function openAdapter({ databaseUrl, session, failures }) {
  /** The engine reads results of this shape instead of exceptions (`@prisma/driver-adapter-utils`). */
  const bound =
    (call) =>
    async (...args) => {
      try {
        return { ok: true, value: await call(...args) };
      } catch (error) {
        failures.push(error);
        return { ok: false, error: toAdapterError(error) };
      }
    };
  const bindAll = (target, ...names) =>
    Object.fromEntries(names.map((name) => [name, bound(target[name].bind(target))]));
  const bindConnection = async (pool, dispose) => {
    const adapter = await new PrismaPg(pool).connect();
    return {
      adapterName: adapter.adapterName,
      provider: adapter.provider,
      ...bindAll(adapter, 'executeRaw'),
      queryRaw: bound((query) => queryRaw(adapter, query)),
      executeScript: bound(async (script) => {
        await pool.query(script);
      }),
      startTransaction: bound(async () => {
        const tx = await adapter.startTransaction();
        const { adapterName, provider, options } = tx;
        const methods = bindAll(tx, 'queryRaw', 'executeRaw', 'commit', 'rollback');
        return { adapterName, provider, options, ...methods };
      }),
      getConnectionInfo: () => ({ ok: true, value: adapter.getConnectionInfo() }),
      dispose: bound(dispose),
    };
  };
  return {
    adapterName: '@prisma/adapter-pg',
    provider: 'postgres',
    connect: bound(() => bindConnection(session, async () => {})),
    connectToShadowDb: bound(async () => {
      const url = new URL(databaseUrl);
      const name = `semel_shadow_${randomUUID().replaceAll('-', '')}`;
      url.pathname = `/${name}`;
      await session.query(`CREATE DATABASE ${name}`);
      const shadow = new pg.Pool({ connectionString: url.href, max: 1 });
      return bindConnection(shadow, async () => {
        await shadow.end();
        await session.query(`DROP DATABASE ${name}`);
      });
    }),
  };
}

/**
 * The engine reads the kinds of constraints as `"char"`, a type that `PrismaPg` refuses: without this, no database with a
 * CHECK or a foreign key can be compared. (Both packages are pinned; a test compares a real one.)
 */
async function queryRaw(adapter, query) {
  const kinds = [];
  const sql = query.sql.replaceAll(kindColumn, (_, check, checkKind, key, keyKind) => {
    const [source, kind] = [check ?? key, checkKind ?? keyKind];
    kinds.push(kind);
    return `${source}::text AS ${kind},`;
  });
  const rows = await adapter.queryRaw({ ...query, sql });
  for (const kind of kinds) rows.columnTypes[rows.columnNames.indexOf(kind)] = columnTypeCharacter;
  return rows;
}

const kindColumn = /(constr\.contype) AS (constraint_type),|(?<=\s)(con\.(confdeltype|confupdtype)),/g;

/** `ColumnTypeEnum.Character` of `@prisma/driver-adapter-utils`. */
const columnTypeCharacter = 6;

function toAdapterError(error) {
  if (error.name === 'DriverAdapterError') return error.cause;
  if (!(error instanceof pg.DatabaseError)) return { kind: 'GenericJs', id: 0 };
  const { code = 'N/A', severity = 'N/A', message, detail, hint, column } = error;
  return { kind: 'postgres', code, severity, message, detail, hint, column };
}
