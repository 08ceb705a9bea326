import { applyMigrations } from '../../packages/database/src/migrate/apply-migrations.js';
import { withMigrationLock } from '../../packages/database/src/migrate/with-client.js';

/** Applies the migrations of any folder, as `semel migrate` applies those of the release. Returns what it applied. */
export const applyFolder = (databaseUrl: string, migrationsDir: string): Promise<string[]> =>
  withMigrationLock(databaseUrl, (client) => applyMigrations(client, migrationsDir));
