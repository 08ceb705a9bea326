import pg from 'pg';
import type { DatabaseOptions } from '../connection/pool.js';
import { appRoles, roleName, rolePassword } from '../connection/roles.js';
import { migrationsDir } from '../migrations-dir.js';
import { applyMigrations } from './apply-migrations.js';
import { pendingMigrations } from './pending-migrations.js';

const oldestVersion = 150_000;

/**
 * Brings the database of `databaseUrl` (whose user owns it, and may create roles) to this version, and gives the apps'
 * roles their passwords. Runs twice without harm, and forwards only. Returns the names of what it applied.
 */
export async function migrate({ databaseUrl, encryptionKey }: DatabaseOptions): Promise<string[]> {
  await withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ version: number }>(
      `SELECT current_setting('server_version_num')::int AS version`,
    );
    if ((rows[0]?.version ?? 0) < oldestVersion) throw new Error('PostgreSQL 15 or newer is needed');
  });
  const { applied } = await applyMigrations({ databaseUrl, migrationsDir });
  await withClient(databaseUrl, async (client) => {
    for (const role of appRoles) {
      const password = client.escapeLiteral(rolePassword(encryptionKey, role));
      await client.query(`ALTER ROLE ${roleName(role)} LOGIN PASSWORD ${password}`);
    }
  });
  return applied;
}

/** The names of what `migrate` would apply, oldest first. Changes nothing. */
export const listPending = ({ databaseUrl }: Pick<DatabaseOptions, 'databaseUrl'>): Promise<string[]> =>
  pendingMigrations({ databaseUrl, migrationsDir });

async function withClient<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
