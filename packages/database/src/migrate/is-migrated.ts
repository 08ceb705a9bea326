import type pg from 'pg';
import { migrationsDir } from '../migrations-dir.js';
import { pendingMigrations } from './pending-migrations.js';

/** The names of what is pending, read with any app's own rights. Throws where Postgres is unreachable. */
export const pendingOf = (pool: pg.Pool): Promise<string[]> =>
  pendingMigrations((text) => pool.query(text), migrationsDir);

/** True if nothing is pending, read with any app's own rights. Throws where Postgres is unreachable. */
export async function isMigrated(pool: pg.Pool): Promise<boolean> {
  return (await pendingOf(pool)).length === 0;
}
