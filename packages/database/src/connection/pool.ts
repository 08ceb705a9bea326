import { StoreUnavailableError } from '@semel/core';
import pg from 'pg';
import { type AppRole, connectionAs, type RolePasswords } from './roles.js';
import { toStoreError } from './store-error.js';

export interface DatabaseOptions {
  databaseUrl: string;
  passwords: RolePasswords;
}

export interface PoolOptions extends DatabaseOptions {
  role: AppRole;
  max: number;
  /** How long to wait for a connection, and for each answer, before Postgres counts as unreachable. */
  connectTimeoutMs: number;
  statementTimeoutMs: number;
}

export type Query = (text: string, values?: unknown[]) => Promise<pg.QueryResult>;
/** Sends a statement as node-pg takes it; throws node-pg's errors unchanged. */
export type Send = (statement: pg.QueryConfig & { queryMode?: 'extended' }) => Promise<pg.QueryResult>;

/** The share of a statement's time that it may wait for locks. */
export const lockShare = 1 / 2;

/**
 * The connections of one app, as its role. All waits are bounded; an idle transaction (of a frozen process, say) is ended before
 * a job's lock expires.
 */
export function openPool(options: PoolOptions): pg.Pool {
  const statementTimeoutMs = Math.round(options.statementTimeoutMs);
  const settings = {
    lock_timeout: Math.floor(statementTimeoutMs * lockShare),
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    tcp_keepalives_idle: 10,
    tcp_keepalives_interval: 5,
    tcp_keepalives_count: 3,
  };
  const pool = new pg.Pool({
    ...connectionAs(options.databaseUrl, options.role, options.passwords),
    application_name: `semel-${options.role}`,
    max: options.max,
    connectionTimeoutMillis: options.connectTimeoutMs,
    // An unreachable server can't report its own timeouts.
    query_timeout: statementTimeoutMs + 1_000,
    keepAlive: true,
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  });
  pool.on('error', () => undefined); // an idle connection was lost; the pool has already removed it
  // A connection in use was lost: its statement fails. Without a listener, this event would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** The connection of one transaction. */
export interface Session {
  /** Code that is not ours has used it: what it left behind must not reach the next transaction. */
  mustReset: boolean;
}

/** Settings, role, temporary tables, cursors and locks of the session; the client's prepared statements stay. */
const resetSession =
  'RESET ROLE; RESET ALL; CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD SEQUENCES; DISCARD TEMP';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Runs `work` in one READ COMMITTED transaction that sees only these firms (duplicates allowed) and, with `platform`, the
 * platform's rows. Throws `StoreUnavailableError` for every store outage; the connection is then closed.
 */
export async function withFirms<T>(
  pool: pg.Pool,
  scope: { firmIds: readonly string[]; platform?: boolean },
  work: (query: Query, send: Send, session: Session) => Promise<T>,
): Promise<T> {
  const firmIds = [...new Set(scope.firmIds)];
  if (!firmIds.every((id) => uuid.test(id))) throw new Error('a firm id is not a UUID');
  const client = await pool.connect().catch((error: unknown) => {
    throw new StoreUnavailableError('postgres', error);
  });
  const query: Query = (text, values) =>
    client.query(text, values).catch((error: unknown) => {
      throw toStoreError(error);
    });
  const session: Session = { mustReset: false };
  let broken: Error | undefined;
  try {
    await query(
      `BEGIN ISOLATION LEVEL READ COMMITTED; SELECT set_config('semel.firm_ids', '{${firmIds.join(',')}}', true),
       set_config('semel.platform', '${scope.platform ? 'on' : 'off'}', true)`,
    );
    const result = await work(query, (statement) => client.query(statement), session);
    const commit = await query('COMMIT');
    if (commit.command !== 'COMMIT') throw new Error('the transaction was rolled back');
    return result;
  } catch (error) {
    broken = error instanceof StoreUnavailableError ? error : undefined;
    if (!broken) await client.query('ROLLBACK').catch((failed: Error) => (broken = failed));
    throw error;
  } finally {
    if (session.mustReset && !broken)
      await client.query(resetSession).catch((failed: Error) => (broken = failed));
    client.release(broken);
  }
}
