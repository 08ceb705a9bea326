import pg from 'pg';
import type { DatabaseOptions } from '../connection/pool.js';
import { requirePasswords, roleName } from '../connection/roles.js';
import { migrationsDir } from '../migrations-dir.js';
import { applyMigrations } from './apply-migrations.js';
import { describeCause, MigrationError } from './migration-error.js';
import { pendingMigrations } from './pending-migrations.js';
import { withClient, withMigrationLock } from './with-client.js';

const oldestVersion = 150_000;

/**
 * Brings the database of `databaseUrl` (whose user owns it, and may create roles) to this version and sets
 * the passwords of the apps' roles. Runs twice without harm, and forwards only; runs at the same time take turns. Returns the names of
 * what it applied. Throws `RolePasswordError`, before it connects, if a password is missing.
 */
export async function migrate({ databaseUrl, passwords }: DatabaseOptions): Promise<string[]> {
  const logins = requirePasswords(passwords);
  return withMigrationLock(databaseUrl, async (client) => {
    try {
      const { rows } = await client.query(`SELECT current_setting('server_version_num')::int AS version`);
      if (rows[0].version < oldestVersion) throw new Error('PostgreSQL 15 or newer is needed');
      const applied = await applyMigrations(client, migrationsDir);
      for (const [role, password] of logins)
        await client.query(`ALTER ROLE ${roleName(role)} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
      return applied;
    } catch (cause) {
      if (!(cause instanceof pg.DatabaseError)) throw cause;
      throw new MigrationError(
        'migration_failed',
        `Migrating stopped: ${describeCause(cause)}. Fix that and migrate again.`,
        { cause },
      );
    }
  });
}

/** The names of what `migrate` would apply, oldest first. Changes nothing. */
export const listPending = ({ databaseUrl }: Pick<DatabaseOptions, 'databaseUrl'>): Promise<string[]> =>
  withClient(databaseUrl, (client) => pendingMigrations((text) => client.query(text), migrationsDir));
