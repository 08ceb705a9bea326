export { type ApplyMigrationsOptions, applyMigrations } from './apply-migrations.js';
export { type DiffOptions, diffAgainstSchema } from './diff-against-schema.js';
export { listPending, migrate } from './migrate.js';
export { MigrationError } from './migration-error.js';
export { type MigrationSource, pendingMigrations, type Query } from './pending-migrations.js';
