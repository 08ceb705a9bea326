import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { describeCause, MigrationError } from './migration-error.js';
import { pendingMigrations } from './pending-migrations.js';
import { type Migration, readMigrations } from './read-migrations.js';

/**
 * Applies what is pending, oldest first, and returns its names. The caller holds the migration lock. Writes the rows of
 * `_prisma_migrations` that Prisma would write, so `prisma migrate deploy` and `migrate status` agree with it. Like them, it
 * does not compare the checksums of migrations that are applied.
 *
 * Each migration is one transaction, which also marks it as finished: after a failure or a crash nothing of it is left, and
 * the next run tries it again. NOT so for scripts that commit by themselves or use CONCURRENTLY: after one of those failed,
 * an operator has to decide (`MigrationError` says how).
 */
export async function applyMigrations(client: pg.Client, migrationsDir: string): Promise<string[]> {
  const migrations = await readMigrations(migrationsDir);
  await createHistory(client);
  await resolveUnfinished(client, migrations);
  const pending = await pendingMigrations((text) => client.query(text), migrationsDir);
  for (const migration of migrations) if (pending.includes(migration.name)) await apply(client, migration);
  // Apps compare the names with their own folder to know whether they are ready. Checksums and logs stay private.
  await client.query(
    'GRANT SELECT (migration_name, finished_at, rolled_back_at) ON _prisma_migrations TO PUBLIC',
  );
  return pending;
}

/** The table as Prisma creates it. Like Prisma, refuses a database that holds tables but no history. */
async function createHistory(client: pg.Client): Promise<void> {
  const { rows } = await client.query(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS found,
       EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'spatial_ref_sys') AS used`,
  );
  if (rows[0].found) return;
  if (rows[0].used)
    throw new MigrationError(
      'database_not_empty',
      'The database has tables, but none that Semel made. Name an empty database in DATABASE_URL.',
    );
  await client.query(
    `CREATE TABLE _prisma_migrations (
       id                  VARCHAR(36) PRIMARY KEY NOT NULL,
       checksum            VARCHAR(64) NOT NULL,
       finished_at         TIMESTAMPTZ,
       migration_name      VARCHAR(255) NOT NULL,
       logs                TEXT,
       rolled_back_at      TIMESTAMPTZ,
       started_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
       applied_steps_count INTEGER NOT NULL DEFAULT 0
     )`,
  );
}

/** This session holds the lock, so an unfinished row was left by a run that failed or crashed. */
async function resolveUnfinished(client: pg.Client, migrations: readonly Migration[]): Promise<void> {
  const { rows } = await client.query<{ id: string; name: string }>(
    `SELECT id, migration_name AS name FROM _prisma_migrations
     WHERE finished_at IS NULL AND rolled_back_at IS NULL ORDER BY started_at`,
  );
  for (const { id, name } of rows) {
    const migration = migrations.find((known) => known.name === name);
    if (migration === undefined || migration.ownTransactions)
      throw new MigrationError(
        'migration_unfinished',
        `Migration ${name} did not finish earlier, and ${
          migration === undefined ? 'its folder is missing' : 'it is not one transaction'
        }, so the database may hold a part of it. ${howToResolve(name)}`,
        { migration: name },
      );
    await client.query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = $1', [id]);
  }
}

async function apply(client: pg.Client, { name, sql, ownTransactions }: Migration): Promise<void> {
  const id = randomUUID();
  await client.query('INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)', [
    id,
    createHash('sha256').update(sql).digest('hex'),
    name,
  ]);
  const finish = `UPDATE _prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = '${id}'`;
  try {
    // One message of the simple protocol: Postgres runs it as one transaction, unless it has transaction control in it.
    await client.query(ownTransactions ? sql : `${sql}\n;${finish}`);
    if (ownTransactions) await client.query(finish);
  } catch (cause) {
    const reason = describeCause(cause);
    // A script's own BEGIN leaves the session in an aborted transaction. Where the connection is lost, there is no log.
    await client.query('ROLLBACK').catch(() => undefined);
    await client
      .query('UPDATE _prisma_migrations SET logs = $2 WHERE id = $1', [id, reason])
      .catch(() => undefined);
    const next = ownTransactions
      ? `It is not one transaction. ${howToResolve(name)}`
      : 'It is one transaction, so nothing of it is left. Fix its script, or what stopped it, and migrate again.';
    throw new MigrationError('migration_failed', `Migration ${name} failed: ${reason}. ${next}`, {
      migration: name,
      cause,
    });
  }
}

/** The two ways of `prisma migrate resolve`, in SQL. */
function howToResolve(name: string): string {
  const mark = (column: string) =>
    `UPDATE _prisma_migrations SET ${column} = now() WHERE migration_name = ${pg.escapeLiteral(name)} AND finished_at IS NULL AND rolled_back_at IS NULL;`;
  return `Undo by hand what it did, run ${mark('rolled_back_at')} and migrate again. Or complete it by hand, run ${mark('finished_at')} and migrate again.`;
}
