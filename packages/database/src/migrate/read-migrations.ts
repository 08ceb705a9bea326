import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { MigrationError } from './migration-error.js';

export interface Migration {
  /** The folder's name, `<stamp>_<name>`: also `migration_name` in `_prisma_migrations`. */
  name: string;
  sql: string;
  /**
   * True where the script commits by itself or can't run inside a transaction. A failure of such a script may leave a part of
   * it behind; every other script runs as one transaction.
   */
  ownTransactions: boolean;
}

/** Reads `<dir>/<stamp>_<name>/migration.sql`, oldest first. Throws where a folder lacks its script. */
export async function readMigrations(dir: string): Promise<Migration[]> {
  return Promise.all((await migrationNames(dir)).map((name) => readMigration(dir, name)));
}

/** The folder names alone, oldest first. */
export async function migrationNames(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    throw new MigrationError(
      'migrations_unreadable',
      `The migrations folder ${dir} can't be read. Run this from a whole checkout or image.`,
      { cause },
    );
  }
}

async function readMigration(dir: string, name: string): Promise<Migration> {
  const file = path.join(dir, name, 'migration.sql');
  try {
    const sql = await readFile(file, 'utf8');
    return { name, sql, ownTransactions: /(^|;)\s*(commit|rollback)\b|\bconcurrently\b/im.test(sql) };
  } catch (cause) {
    throw new MigrationError(
      'migrations_unreadable',
      `${file} can't be read. Restore it, or remove its folder.`,
      { migration: name, cause },
    );
  }
}
