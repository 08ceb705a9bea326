import pg from 'pg';

/** The database could not be migrated. The message names the migration and says what to do next. */
export class MigrationError extends Error {
  readonly code: 'migration_failed' | 'migration_unfinished' | 'migrations_unreadable' | 'database_not_empty';
  /** The folder name of the migration; null where the reason is not one migration. */
  readonly migration: string | null;
  constructor(
    code: MigrationError['code'],
    message: string,
    options: { migration?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'MigrationError';
    this.code = code;
    this.migration = options.migration ?? null;
  }
}

/** What Postgres said, with its SQLSTATE, detail and hint. */
export function describeCause(error: unknown): string {
  if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.message : String(error);
  const { message, code, detail, hint, where } = error;
  return [`${message} (SQLSTATE ${code})`, detail, hint, where]
    .filter((part) => part !== undefined)
    .join('; ');
}
