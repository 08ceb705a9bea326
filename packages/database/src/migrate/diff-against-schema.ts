import { bindAdapter } from './adapter.js';
import { openEngine } from './engine.js';
import { MigrationError } from './migration-error.js';
import { readMigrations, toMigrationList } from './read-migrations.js';
import { readSchema } from './read-schema.js';
import { withSession } from './session.js';

export interface DiffOptions {
  /** Any database of a server on which this role may create one: a shadow database lives there for a moment. */
  shadowDatabaseUrl: string;
  migrationsDir: string;
  /** The folder of the `.prisma` files. */
  schemaDir: string;
}

/**
 * The SQL that would turn what the migrations build into what the schema says, and the same for people; both empty
 * where they agree. Prisma compares tables, columns, keys and indexes (a partial one's condition as
 * Postgres prints it). It does not see policies, functions, triggers,
 * views, rights or CHECKs.
 */
export async function diffAgainstSchema(options: DiffOptions): Promise<{ sql: string; summary: string }> {
  const { shadowDatabaseUrl: databaseUrl, migrationsDir, schemaDir } = options;
  const schema = await readSchema(schemaDir);
  const list = toMigrationList(migrationsDir, await readMigrations(migrationsDir));
  return withSession(databaseUrl, async (session) => {
    const adapter = bindAdapter({ databaseUrl, session });
    const engine = await openEngine(adapter.factory, schema);
    const diff = async (script: boolean) => {
      const { stdout, exitCode } = await engine.diff({
        from: { tag: 'migrations', ...list },
        to: { tag: 'schemaDatamodel', files: schema.map(([file, content]) => ({ path: file, content })) },
        script,
        exitCode: true,
        filters: { externalTables: [], externalEnums: [] },
      });
      return exitCode === 0 ? '' : (stdout ?? '').trim();
    };
    try {
      return { sql: await diff(true), summary: await diff(false) };
    } catch (error) {
      const cause = adapter.lastError() ?? error;
      throw new MigrationError(
        'engine_failed',
        `Comparing failed: ${cause instanceof Error ? cause.message : cause}`,
        {
          cause,
        },
      );
    } finally {
      engine.free();
    }
  });
}
