import pg from 'pg';

/**
 * Prisma's own lock number: whoever migrates this database, with this tool or with `prisma migrate deploy`,
 * holds it. It belongs to a session, so it ends with the process, and a transaction pooler must not sit between.
 */
const migrationLock = 72_707_369;

/**
 * Runs `work` over a pool of exactly one session, which holds the migration lock; waits for whoever has it.
 * The engine takes the same lock again in the same session, which is allowed.
 */
export async function withMigrationSession<T>(
  databaseUrl: string,
  work: (session: pg.Pool) => Promise<T>,
): Promise<T> {
  return withSession(databaseUrl, async (session) => {
    await session.query('SET statement_timeout = 0');
    await session.query('SET lock_timeout = 0');
    await session.query('SET idle_in_transaction_session_timeout = 0');
    await session.query(`SELECT pg_advisory_lock(${migrationLock})`);
    return work(session);
  });
}

/** A pool of one session that is never replaced: were it cut, a new one would work without the lock. */
export async function withSession<T>(
  databaseUrl: string,
  work: (session: pg.Pool) => Promise<T>,
): Promise<T> {
  const session = new pg.Pool({
    connectionString: databaseUrl,
    application_name: 'semel-migrate',
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: 10_000,
  });
  let sessions = 0;
  session.on('connect', (client) => {
    client.on('error', () => {}); // a cut that hits a running query is reported by that query
    sessions += 1;
    if (sessions > 1) void client.end();
  });
  session.on('error', () => {}); // and one that hits none, by the next
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}
