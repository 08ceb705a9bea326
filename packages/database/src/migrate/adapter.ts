import { randomUUID } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';

type Adapter = Awaited<ReturnType<PrismaPg['connect']>>;
type Query = Parameters<Adapter['queryRaw']>[0];
type Transaction = Awaited<ReturnType<Adapter['startTransaction']>>;

export interface BoundAdapter {
  /** What `openEngine` takes. */
  factory: object;
  /** The error that ended it, in full: the engine's own messages shorten it. A script's comes before what followed it. */
  lastError(): Error | undefined;
}

/**
 * The adapter that the schema engine drives, over the one session of `session`. `rewrite` sees every script first.
 *
 * `PrismaPg` alone won't do: its `executeScript` splits at every semicolon, which breaks functions and DO blocks,
 * and with a connection URL its shadow database is the main one.
 */
export function bindAdapter(options: {
  databaseUrl: string;
  session: pg.Pool;
  rewrite?: (script: string) => string;
}): BoundAdapter {
  const { databaseUrl, session, rewrite = (script) => script } = options;
  let lastError: Error | undefined;
  let scriptError: Error | undefined;

  const bound = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
    return async (...args: A) => {
      try {
        return success(await call(...args));
      } catch (error) {
        lastError = error instanceof Error ? error : new Error(String(error));
        return failure(lastError);
      }
    };
  };

  const bindTransaction = (tx: Transaction) => ({
    adapterName: tx.adapterName,
    provider: tx.provider,
    options: tx.options,
    queryRaw: bound(tx.queryRaw.bind(tx)),
    executeRaw: bound(tx.executeRaw.bind(tx)),
    commit: bound(tx.commit.bind(tx)),
    rollback: bound(tx.rollback.bind(tx)),
  });

  const bindQueries = (adapter: Adapter, pool: pg.Pool, dispose: () => Promise<void>) => ({
    adapterName: adapter.adapterName,
    provider: adapter.provider,
    queryRaw: bound((query: Query) => queryRaw(adapter, query)),
    executeRaw: bound(adapter.executeRaw.bind(adapter)),
    executeScript: bound((script: string) =>
      runScript(pool, rewrite(script)).catch((error: Error) => {
        scriptError = error;
        throw error;
      }),
    ),
    startTransaction: bound(async () => bindTransaction(await adapter.startTransaction())),
    getConnectionInfo: () => success(adapter.getConnectionInfo()),
    dispose: bound(dispose),
  });

  const factory = {
    adapterName: '@prisma/adapter-pg',
    provider: 'postgres',
    connect: bound(async () => bindQueries(await new PrismaPg(session).connect(), session, async () => {})),
    connectToShadowDb: bound(async () => {
      const name = `semel_shadow_${randomUUID().replaceAll('-', '')}`;
      await session.query(`CREATE DATABASE ${name}`);
      const shadow = new pg.Pool({ ...parseIntoClientConfig(databaseUrl), database: name, max: 1 });
      return bindQueries(await new PrismaPg(shadow).connect(), shadow, async () => {
        await shadow.end();
        await session.query(`DROP DATABASE ${name}`);
      });
    }),
  };
  return { factory, lastError: () => scriptError ?? lastError };
}

/**
 * The engine reads the kinds of constraints as `"char"`, a type that `PrismaPg` refuses: without this, no database
 * with a CHECK or a foreign key can be compared. (Both packages are pinned; a test compares a real one.)
 */
async function queryRaw(adapter: Adapter, query: Query): ReturnType<Adapter['queryRaw']> {
  const kinds: string[] = [];
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

/** One message of the simple protocol: without transaction control in it, Postgres runs it as one transaction. */
async function runScript(pool: pg.Pool, script: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query(script);
  } catch (error) {
    // A script's own BEGIN leaves the session aborted, and the engine could not note the failure.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

// The shapes of `@prisma/driver-adapter-utils`, which the engine reads instead of exceptions.
const success = <T>(value: T) => ({ ok: true as const, value });

function failure(error: Error) {
  if (error.name === 'DriverAdapterError') return { ok: false as const, error: error.cause };
  if (!(error instanceof pg.DatabaseError))
    return { ok: false as const, error: { kind: 'GenericJs', id: 0 } };
  const { code = 'N/A', severity = 'N/A', message, detail, hint, column } = error;
  return { ok: false as const, error: { kind: 'postgres', code, severity, message, detail, hint, column } };
}
