import { cpSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { listMigrations, withSchemaEngine } from '../../scripts/schema-engine.mjs';
import { applyFolder } from '../support/apply-folder.js';
import { openOwnedServer } from '../support/owned-databases.js';

// The runner and Prisma's own schema engine read and write the same history, each after the other.

const migrationsDir = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
const names = readdirSync(migrationsDir)
  .filter((name) => /^\d/.test(name))
  .sort();
const filters = { externalTables: [], externalEnums: [] };
const { emptyDatabase, folderOf, query, write } = await openOwnedServer(t);

/** What `prisma migrate status` asks. */
const diagnose = (databaseUrl: string, dir: string) =>
  withSchemaEngine({ databaseUrl }, (engine) =>
    engine.diagnoseMigrationHistory({
      migrationsList: listMigrations(dir),
      optInToShadowDatabase: false,
      filters,
    }),
  );

/** What `prisma migrate deploy` does. */
const deploy = (databaseUrl: string, dir: string) =>
  withSchemaEngine({ databaseUrl }, async (engine) => {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: listMigrations(dir),
      filters,
    });
    return appliedMigrationNames;
  });

const upToDate = {
  history: null,
  failedMigrationNames: [],
  editedMigrationNames: [],
  hasMigrationsTable: true,
};

t.test(
  'Prisma sees a database that the runner migrated as up to date, and has nothing to apply',
  async (t) => {
    const databaseUrl = await emptyDatabase();
    await applyFolder(databaseUrl, migrationsDir);
    t.same(await diagnose(databaseUrl, migrationsDir), upToDate);
    t.strictSame(await deploy(databaseUrl, migrationsDir), []);
  },
);

t.test('the runner takes on a database that Prisma migrated, and both write the same history', async (t) => {
  const dir = folderOf(t, {
    '20260101000000_one': 'CREATE TABLE one (id int PRIMARY KEY)',
    '20260102000000_two': 'CREATE TABLE two (id int PRIMARY KEY)',
  });
  const [byPrisma, byRunner] = [await emptyDatabase(), await emptyDatabase()];
  t.strictSame(await deploy(byPrisma, dir), ['20260101000000_one', '20260102000000_two']);
  t.strictSame(await applyFolder(byRunner, dir), ['20260101000000_one', '20260102000000_two']);
  const columns = `SELECT attname, atttypid::regtype::text, atttypmod, attnotnull, pg_get_expr(adbin, adrelid) AS value
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = '_prisma_migrations'::regclass AND attnum > 0 ORDER BY attname`;
  t.strictSame(await query(byRunner, columns), await query(byPrisma, columns), 'the same table');
  const rows = `SELECT migration_name, checksum, logs, rolled_back_at, applied_steps_count, length(id), finished_at >= started_at AS finished
    FROM _prisma_migrations ORDER BY started_at`;
  t.strictSame(await query(byRunner, rows), await query(byPrisma, rows), 'the same rows');

  write(dir, '20260103000000_three', 'CREATE TABLE three (id int PRIMARY KEY)');
  t.strictSame(await applyFolder(byPrisma, dir), ['20260103000000_three']);
  t.same(await diagnose(byPrisma, dir), upToDate);
  write(dir, '20260104000000_four', 'CREATE TABLE four (id int PRIMARY KEY)');
  t.strictSame(await deploy(byPrisma, dir), ['20260104000000_four'], 'and Prisma goes on after the runner');
  t.strictSame(await applyFolder(byPrisma, dir), []);
});

t.test('the runner continues a history of this release that Prisma began', async (t) => {
  const databaseUrl = await emptyDatabase();
  const before = folderOf(t, {});
  for (const name of names.slice(0, 5))
    cpSync(path.join(migrationsDir, name), path.join(before, name), { recursive: true });
  t.strictSame(await deploy(databaseUrl, before), names.slice(0, 5));
  t.strictSame(await applyFolder(databaseUrl, migrationsDir), names.slice(5));
  t.same(await diagnose(databaseUrl, migrationsDir), upToDate);
});

t.test('an edited migration is applied: neither the runner nor Prisma runs it again, or fails', async (t) => {
  const name = '20260101000000_one';
  const databaseUrl = await emptyDatabase();
  const dir = folderOf(t, { [name]: 'CREATE TABLE one (id int PRIMARY KEY)' });
  await applyFolder(databaseUrl, dir);
  write(dir, name, 'CREATE TABLE one (id int PRIMARY KEY, more int)');
  t.match((await diagnose(databaseUrl, dir)).editedMigrationNames, [name]);
  t.strictSame(await deploy(databaseUrl, dir), []);
  t.strictSame(await applyFolder(databaseUrl, dir), []);
});

t.test('a failed migration is failed for Prisma too, until an operator resolves it', async (t) => {
  const name = '20260101000000_parts';
  const script = 'CREATE TABLE one (id int PRIMARY KEY);\nCOMMIT;\nSELECT nonsense;';
  for (const way of ['applied', 'rolled back'] as const) {
    const databaseUrl = await emptyDatabase();
    const dir = folderOf(t, { [name]: script, '20260102000000_next': 'CREATE TABLE two (id int)' });
    await t.rejects(applyFolder(databaseUrl, dir), { code: 'migration_failed' });
    const [row] = await query(databaseUrl, 'SELECT * FROM _prisma_migrations');
    t.match(row, { finished_at: null, rolled_back_at: null, logs: /column "nonsense" does not exist/ });
    t.match((await diagnose(databaseUrl, dir)).failedMigrationNames, [name]);
    await t.rejects(deploy(databaseUrl, dir), 'Prisma refuses');
    await t.rejects(
      applyFolder(databaseUrl, dir),
      { code: 'migration_unfinished' },
      'and so does the runner',
    );
    t.equal((await query(databaseUrl, 'SELECT FROM _prisma_migrations')).length, 1, 'nothing was tried');

    await withSchemaEngine({ databaseUrl }, async (engine) => {
      if (way === 'applied')
        await engine.markMigrationApplied({ migrationName: name, migrationsList: listMigrations(dir) });
      else await engine.markMigrationRolledBack({ migrationName: name });
    });
    if (way === 'rolled back') {
      await query(databaseUrl, 'DROP TABLE one');
      write(dir, name, 'CREATE TABLE one (id int PRIMARY KEY)');
    }
    const expected = way === 'applied' ? ['20260102000000_next'] : [name, '20260102000000_next'];
    t.strictSame(await applyFolder(databaseUrl, dir), expected, way);
    t.strictSame((await diagnose(databaseUrl, dir)).failedMigrationNames, []);
  }
});
