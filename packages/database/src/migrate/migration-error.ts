/** A migration could not be applied. The message names it and says what to do next. */
export class MigrationError extends Error {
  readonly code: 'migration_failed' | 'migration_unfinished' | 'migrations_unreadable' | 'engine_failed';
  /** The folder name of the migration; null where no single one is at fault. */
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
