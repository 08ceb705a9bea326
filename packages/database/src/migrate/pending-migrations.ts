import { migrationNames } from './read-migrations.js';

/** Reads on an open connection, of any role. */
export type HistoryQuery = (text: string) => Promise<{ rows: { migration_name: string }[] }>;

/**
 * The folder names that are not finished in this database, oldest first; all of them where nothing was ever applied.
 * One cheap read, for `/readyz`. Rows that a newer release added are ignored.
 */
export async function pendingMigrations(query: HistoryQuery, migrationsDir: string): Promise<string[]> {
  const names = await migrationNames(migrationsDir);
  const finished = await readFinished(query);
  return names.filter((name) => !finished.has(name));
}

async function readFinished(query: HistoryQuery): Promise<Set<string>> {
  try {
    const { rows } = await query(
      'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
    );
    return new Set(rows.map((row) => row.migration_name));
  } catch (error) {
    if ((error as { code?: unknown }).code === '42P01') return new Set(); // no such table: nothing was applied yet
    throw error;
  }
}
