import type pg from 'pg';
import { migrationsDir } from '../migrations-dir.js';
import { pendingMigrations } from './pending-migrations.js';

/** The names of what is pending, asked with any app's own rights. Throws where Postgres is away. */
export const pendingOf = (pool: pg.Pool): Promise<string[]> =>
  pendingMigrations({ query: (text) => pool.query(text), migrationsDir });

/** True if nothing is pending, asked with any app's own rights. Throws where Postgres is away. Loads no engine. */
export async function isMigrated(pool: pg.Pool): Promise<boolean> {
  return (await pendingOf(pool)).length === 0;
}
