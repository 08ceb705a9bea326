import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Prisma's own lock number: `prisma migrate deploy` and this runner exclude each other. */
const migrationLock = 72_707_369;

/** Runs `work` on one connection of the owner's. It is never replaced: a new session would not hold the lock. */
export async function withClient<T>(
  databaseUrl: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'semel-migrate',
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined); // A lost connection also fails the running statement, or the next one.
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * The same, holding the migration lock; waits until whoever holds it is done. The lock belongs to the session: it ends with
 * the process, and a transaction pooler must not sit in between.
 */
export const withMigrationLock = <T>(
  databaseUrl: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> =>
  withClient(databaseUrl, async (client) => {
    await client.query(
      'SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0',
    );
    // Polled: a statement that waits for the lock would block the holder's CREATE INDEX CONCURRENTLY.
    while (!(await tryLock(client))) await sleep(100);
    return work(client);
  });

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query(`SELECT pg_try_advisory_lock(${migrationLock}) AS locked`);
  return rows[0].locked;
}
