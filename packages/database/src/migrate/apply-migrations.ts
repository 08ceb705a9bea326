import type { SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';
import { bindAdapter } from './adapter.js';
import { openEngine } from './engine.js';
import { MigrationError } from './migration-error.js';
import { type Migration, readMigrations, toMigrationList } from './read-migrations.js';
import { withMigrationSession } from './session.js';

export interface ApplyMigrationsOptions {
  /** Of a role that owns the database. Not through a transaction pooler: the lock belongs to the session. */
  databaseUrl: string;
  /** The folder that holds `<stamp>_<name>/migration.sql`. */
  migrationsDir: string;
}

/**
 * Applies what is pending, oldest first, and returns its names. Safe to run again and from several places at once:
 * they take turns. Writes Prisma's own `_prisma_migrations`, so `prisma migrate deploy` agrees with it.
 *
 * Each migration is one transaction, with its "finished" mark inside: killed or failed, it leaves nothing behind
 * and the next run tries it again. NOT so for scripts that commit by themselves or use CONCURRENTLY: after those
 * failed, an operator has to look (`MigrationError` says how).
 */
export async function applyMigrations(options: ApplyMigrationsOptions): Promise<{ applied: string[] }> {
  const { databaseUrl, migrationsDir } = options;
  const migrations = await readMigrations(migrationsDir);
  return withMigrationSession(databaseUrl, async (session) => {
    let running: Migration | undefined;
    const adapter = bindAdapter({
      databaseUrl,
      session,
      rewrite(script) {
        running = migrations.find(({ sql }) => sql === script);
        return running === undefined || running.ownTransactions ? script : withFinishedMark(running);
      },
    });
    const engine = await openEngine(adapter.factory);
    try {
      await forgetUnfinished(engine, session, migrations);
      const { appliedMigrationNames } = await engine.applyMigrations({
        migrationsList: toMigrationList(migrationsDir, migrations),
        filters: { externalTables: [], externalEnums: [] },
      });
      await letEveryoneReadNames(session);
      return { applied: appliedMigrationNames };
    } catch (error) {
      throw error instanceof MigrationError ? error : explain(adapter.lastError() ?? error, running);
    } finally {
      engine.free();
    }
  });
}

/** The mark commits with the migration, so that a death right after the commit leaves no doubt. */
const withFinishedMark = ({ name, sql }: Migration): string => `${sql}
;UPDATE "_prisma_migrations" SET finished_at = now()
WHERE migration_name = ${quote(name)} AND finished_at IS NULL AND rolled_back_at IS NULL`;

/** Apps compare the names with their own folder to know whether they are ready. Scripts and logs stay private. */
const letEveryoneReadNames = (session: pg.Pool) =>
  session.query(
    'GRANT SELECT (migration_name, finished_at, rolled_back_at) ON "_prisma_migrations" TO PUBLIC',
  );

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** We hold the lock, so nobody is at it: an unfinished row was left by a run that died or failed. */
async function forgetUnfinished(engine: SchemaEngine, session: pg.Pool, migrations: readonly Migration[]) {
  for (const name of await unfinished(session)) {
    const migration = migrations.find((known) => known.name === name);
    if (migration === undefined || migration.ownTransactions)
      throw new MigrationError(
        'migration_unfinished',
        `Migration ${name} did not finish earlier, and ${
          migration === undefined ? 'its folder is gone' : 'it is not one transaction'
        }, so parts of it may be in the database. Undo those by hand, then run ${markRolledBack(name)} and migrate again.`,
        { migration: name },
      );
    await engine.markMigrationRolledBack({ migrationName: name });
  }
}

const markRolledBack = (name: string): string =>
  `UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = ${quote(name)} AND finished_at IS NULL;`;

async function unfinished(session: pg.Pool): Promise<string[]> {
  const table = await session.query(`SELECT to_regclass('"_prisma_migrations"') AS name`);
  if (table.rows[0].name === null) return [];
  const { rows } = await session.query(
    'SELECT migration_name FROM "_prisma_migrations" WHERE finished_at IS NULL AND rolled_back_at IS NULL',
  );
  return rows.map((row) => row.migration_name);
}

/** The engine's own message is a paragraph for `prisma migrate`; ours names the migration and the next step. */
function explain(cause: unknown, running: Migration | undefined): MigrationError {
  const reason = describe(cause);
  if (running === undefined)
    return new MigrationError('engine_failed', `Migrating stopped: ${reason}. Mend that and migrate again.`, {
      cause,
    });
  const { name, ownTransactions } = running;
  const next = ownTransactions
    ? `It is not one transaction: undo by hand what it did, run ${markRolledBack(name)} and migrate again.`
    : 'It is one transaction, so no half of it is there. Mend its script, or what it ran into, and migrate again.';
  return new MigrationError('migration_failed', `Migration ${name} failed: ${reason}. ${next}`, {
    migration: name,
    cause,
  });
}

function describe(error: unknown): string {
  if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.message : String(error);
  const { message, code, detail, hint, where } = error;
  return [`${message} (SQLSTATE ${code})`, detail, hint, where]
    .filter((part) => part !== undefined)
    .join('; ');
}
