import pg from 'pg';
import { migrationNames } from './read-migrations.js';

export type Query = (text: string) => Promise<{ rows: { migration_name: string }[] }>;

/** Where to read `_prisma_migrations`: an open connection of any role, or an address for one read. */
export type MigrationSource = { query: Query } | { databaseUrl: string };

/**
 * The folder names that are not finished in this database, oldest first; all of them where nothing was ever applied.
 * One cheap read and no engine, for `/readyz`. Rows that a newer release added are no concern of this one.
 */
export async function pendingMigrations(
  options: MigrationSource & { migrationsDir: string },
): Promise<string[]> {
  const names = await migrationNames(options.migrationsDir);
  const finished = await ('query' in options
    ? readFinished(options.query)
    : connectAndRead(options.databaseUrl));
  return names.filter((name) => !finished.has(name));
}

async function readFinished(query: Query): Promise<Set<string>> {
  try {
    const { rows } = await query(
      'SELECT migration_name FROM "_prisma_migrations" WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
    );
    return new Set(rows.map((row) => row.migration_name));
  } catch (error) {
    if ((error as { code?: unknown }).code === '42P01') return new Set(); // no such table: nothing was applied yet
    throw error;
  }
}

async function connectAndRead(databaseUrl: string): Promise<Set<string>> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await readFinished((text) => client.query(text));
  } finally {
    await client.end();
  }
}
