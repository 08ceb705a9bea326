import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { appRoles, roleName } from '@semel/database';
import { migrate } from '@semel/database/migrate';
import pg from 'pg';
import t from 'tap';
import { MigrationError } from '../../packages/database/src/migrate/migration-error.js';
import { pendingMigrations } from '../../packages/database/src/migrate/pending-migrations.js';
import { withClient } from '../../packages/database/src/migrate/with-client.js';
import { diffAgainstSchema } from '../../scripts/schema-engine.mjs';
import { applyFolder } from '../support/apply-folder.js';
import { openOwnedServer } from '../support/owned-databases.js';
import { testPasswords, waitUntil } from '../support/servers.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const migrationsDir = path.join(root, 'prisma/migrations');
const schemaDir = path.join(root, 'prisma/schema');
const names = readdirSync(migrationsDir, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

const { server, emptyDatabase, folderOf, query, write } = await openOwnedServer(t);

const pendingIn = (databaseUrl: string, dir: string) =>
  withClient(databaseUrl, (client) => pendingMigrations((text) => client.query(text), dir));

const history = (databaseUrl: string) =>
  query(
    databaseUrl,
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS undone
     FROM _prisma_migrations ORDER BY started_at`,
  );

t.test('an owner without superuser rights migrates an empty database, once', async (t) => {
  const databaseUrl = await emptyDatabase();
  t.strictSame(await pendingIn(databaseUrl, migrationsDir), names, 'all pending, without the table');
  t.strictSame(await applyFolder(databaseUrl, migrationsDir), names);
  t.strictSame(await pendingIn(databaseUrl, migrationsDir), []);
  t.strictSame(await applyFolder(databaseUrl, migrationsDir), [], 'twice without harm');

  const rows = await history(databaseUrl);
  const expected = names.map((name) => ({
    name,
    checksum: createHash('sha256')
      .update(readFileSync(path.join(migrationsDir, name, 'migration.sql')))
      .digest('hex'),
    finished: true,
    undone: false,
  }));
  t.strictSame(rows, expected, 'the history is what Prisma itself would have written');
});

t.test('an older release accepts a newer database, and changes nothing in it', async (t) => {
  const databaseUrl = await emptyDatabase();
  await applyFolder(databaseUrl, migrationsDir);
  const older = folderOf(t, {});
  for (const name of names.slice(0, -1))
    cpSync(path.join(migrationsDir, name), path.join(older, name), { recursive: true });
  const before = await history(databaseUrl);
  t.strictSame(await pendingIn(databaseUrl, older), []);
  t.strictSame(await applyFolder(databaseUrl, older), []);
  t.strictSame(await history(databaseUrl), before);
});

t.test('concurrent runs take turns', async (t) => {
  const databaseUrl = await emptyDatabase();
  const runs = await Promise.all([1, 2, 3].map(() => applyFolder(databaseUrl, migrationsDir)));
  t.strictSame(runs.flat(), names);
  t.equal((await history(databaseUrl)).length, names.length);
});

t.test('any role can list pending migrations', async (t) => {
  const databaseUrl = await emptyDatabase();
  await applyFolder(databaseUrl, migrationsDir);
  await query(server.url, `CREATE ROLE reader LOGIN PASSWORD 'reader'`);
  const url = new URL(databaseUrl);
  url.username = url.password = 'reader';
  const pool = new pg.Pool({ connectionString: url.href });
  t.teardown(() => pool.end());
  t.strictSame(await pendingMigrations((text) => pool.query(text), migrationsDir), []);
  await t.rejects(pool.query('SELECT logs FROM _prisma_migrations'), { code: '42501' });
});

t.test('functions, semicolons in strings and trailing comments are executed correctly', async (t) => {
  const databaseUrl = await emptyDatabase();
  const dir = folderOf(t, {
    '20260101000000_tricky': `
      CREATE FUNCTION twice(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM ';'; RETURN n * 2; END; $$;
      DO $$ BEGIN IF twice(2) <> 4 THEN RAISE EXCEPTION 'no;'; END IF; END $$ -- the end`,
  });
  t.strictSame(await applyFolder(databaseUrl, dir), ['20260101000000_tricky']);
  t.strictSame(await query(databaseUrl, 'SELECT twice(21) AS n'), [{ n: 42 }]);
});

t.test(
  'a broken migration names itself and the error, leaves nothing behind, and runs once fixed',
  async (t) => {
    const databaseUrl = await emptyDatabase();
    const dir = folderOf(t, {
      '20260101000000_fine': 'CREATE TABLE fine (id int)',
      '20260102000000_broken': 'CREATE TABLE half (id int); SELECT nonsense;',
    });
    const error = await applyFolder(databaseUrl, dir).catch((error: unknown) => error);
    if (!(error instanceof MigrationError)) throw error;
    t.match(error, { code: 'migration_failed', migration: '20260102000000_broken' });
    t.match(error.message, /20260102000000_broken failed: column "nonsense" does not exist .*Fix its script/);
    t.strictSame(await pendingIn(databaseUrl, dir), ['20260102000000_broken']);
    t.strictSame(await query(databaseUrl, `SELECT to_regclass('half') AS half`), [{ half: null }]);

    await t.rejects(applyFolder(databaseUrl, dir), { code: 'migration_failed' }, 'not fixed yet');
    write(dir, '20260102000000_broken', 'CREATE TABLE half (id int)');
    t.strictSame(await applyFolder(databaseUrl, dir), ['20260102000000_broken']);
    t.strictSame(
      (await history(databaseUrl)).map(({ name, finished, undone }) => [name, finished, undone]),
      [
        ['20260101000000_fine', true, false],
        ['20260102000000_broken', false, true],
        ['20260102000000_broken', false, true],
        ['20260102000000_broken', true, false],
      ],
    );
  },
);

t.test('the next run continues an interrupted one', async (t) => {
  const databaseUrl = await emptyDatabase();
  const dir = folderOf(t, { '20260101000000_slow': 'CREATE TABLE slow (id int); SELECT pg_sleep(60);' });
  const run = applyFolder(databaseUrl, dir).catch((error: unknown) => error);
  await waitUntil(
    async () => {
      const rows = await query(
        server.url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'semel-migrate' AND query LIKE '%pg_sleep(60)%'`,
      );
      return rows.length > 0;
    },
    { what: 'the migration to run' },
  );
  t.match(await run, { code: 'migration_failed', message: /20260101000000_slow.*terminating connection/ });
  write(dir, '20260101000000_slow', 'CREATE TABLE slow (id int)');
  t.strictSame(await applyFolder(databaseUrl, dir), ['20260101000000_slow']);
});

/** Kills a process in the middle of a migration. Postgres goes on with the statement: its client sent nothing since. */
async function killInTheMiddle(databaseUrl: string, dir: string, mark: string): Promise<void> {
  const code = `import { applyFolder } from '${new URL('../support/apply-folder.ts', import.meta.url)}';
    await applyFolder(process.argv[1], process.argv[2]);`;
  const args = ['--import=tsx', '--conditions=@semel/source', '--input-type=module', '--eval', code];
  const child = spawn(process.execPath, [...args, databaseUrl, dir], { cwd: root, stdio: 'inherit' });
  const running = `SELECT FROM pg_stat_activity WHERE application_name = 'semel-migrate' AND query LIKE '%${mark}%'`;
  await waitUntil(async () => (await query(server.url, running)).length > 0, {
    what: 'the migration to run',
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
}

t.test(
  'a run that is killed leaves its migration done or pending, and the next run knows which',
  async (t) => {
    const name = '20260101000000_slow';
    const script = (seconds: number) =>
      `CREATE TABLE slow (id int); SELECT pg_sleep(${seconds}) /* killed ${seconds} */;`;
    const survived = await emptyDatabase();
    const dir = folderOf(t, { [name]: script(3) });
    await killInTheMiddle(survived, dir, 'killed 3');
    t.strictSame(await applyFolder(survived, dir), [], 'it waits for the session, which commits');
    t.match(await history(survived), [{ name, finished: true, undone: false }]);

    const crashed = await emptyDatabase();
    write(dir, name, script(60));
    await killInTheMiddle(crashed, dir, 'killed 60');
    await query(
      server.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'semel-migrate'`,
    );
    write(dir, name, script(0));
    t.strictSame(await applyFolder(crashed, dir), [name], 'nothing is left, so it starts over');
    t.match(await history(crashed), [
      { name, finished: false, undone: true },
      { name, finished: true, undone: false },
    ]);
  },
);

t.test('a migration may build an index concurrently while another run waits', async (t) => {
  const databaseUrl = await emptyDatabase();
  const dir = folderOf(t, {
    '20260101000000_table': 'CREATE TABLE big (id int); SELECT pg_sleep(1)',
    '20260102000000_index': 'CREATE INDEX CONCURRENTLY big_id ON big (id)',
  });
  const runs = await Promise.all([1, 2].map(() => applyFolder(databaseUrl, dir)));
  t.strictSame(runs.map((applied) => applied.length).sort(), [0, 2]);
});

t.test('a failed script with its own COMMIT waits for an operator, and says what to do', async (t) => {
  const databaseUrl = await emptyDatabase();
  const dir = folderOf(t, {
    '20260101000000_parts': 'BEGIN; CREATE TABLE one (id int);\nCOMMIT;\nBEGIN; SELECT nonsense; COMMIT;',
  });
  const failed = applyFolder(databaseUrl, dir);
  const undo = /run (UPDATE _prisma_migrations SET rolled_back_at .*?;)/;
  await t.rejects(failed, { code: 'migration_failed', message: undo });
  const error = await applyFolder(databaseUrl, dir).catch((error: unknown) => error);
  t.match(error, { code: 'migration_unfinished', migration: '20260101000000_parts', message: undo });

  await query(databaseUrl, `DROP TABLE one; ${undo.exec((error as Error).message)?.[1]}`);
  write(dir, '20260101000000_parts', 'CREATE TABLE one (id int)');
  t.strictSame(await applyFolder(databaseUrl, dir), ['20260101000000_parts']);
});

t.test('an operator who completed a script by hand marks it as applied', async (t) => {
  const databaseUrl = await emptyDatabase();
  const dir = folderOf(t, { '20260101000000_parts': 'CREATE TABLE one (id int);\nCOMMIT; SELECT nonsense;' });
  const error = await applyFolder(databaseUrl, dir).catch((error: unknown) => error);
  const done = /run (UPDATE _prisma_migrations SET finished_at .*?;)/.exec((error as Error).message)?.[1];
  await query(databaseUrl, done ?? '');
  t.strictSame(await applyFolder(databaseUrl, dir), []);
});

t.test('a database with tables of another program is refused', async (t) => {
  const databaseUrl = await emptyDatabase();
  await query(databaseUrl, 'CREATE TABLE theirs (id int)');
  await t.rejects(applyFolder(databaseUrl, migrationsDir), { code: 'database_not_empty' });
});

t.test('what stops a run outside of a migration is said', async (t) => {
  const databaseUrl = await emptyDatabase();
  await query(databaseUrl, 'REVOKE CREATE ON SCHEMA public FROM pg_database_owner');
  await t.rejects(migrate({ databaseUrl, passwords: testPasswords }), {
    code: 'migration_failed',
    migration: null,
    message: /^Migrating stopped: permission denied for schema public \(SQLSTATE 42501\)/,
  });
});

t.test("the apps' roles get their passwords, and no password opens another role", async (t) => {
  const databaseUrl = await emptyDatabase();
  const canLogIn = async (user: string, password: string) => {
    const url = new URL(databaseUrl);
    url.username = user;
    url.password = password;
    try {
      await query(url.href, 'SELECT 1');
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === '28P01') return false;
      throw error;
    }
  };
  const users = ['semel_receiver', 'semel_worker', 'semel_console', new URL(databaseUrl).username];
  const opened = async (password: string) => {
    const open: string[] = [];
    for (const user of users) if (await canLogIn(user, password)) open.push(user);
    return open;
  };
  await migrate({ databaseUrl, passwords: testPasswords });
  for (const role of appRoles) t.strictSame(await opened(testPasswords[role]), [roleName(role)]);

  const changed = { ...testPasswords, worker: "another 'password' of the worker" };
  await migrate({ databaseUrl, passwords: changed });
  t.strictSame(await opened(changed.worker), ['semel_worker'], 'a changed password is set');
  t.strictSame(await opened(testPasswords.worker), [], 'the old one is refused');
  t.strictSame(await opened(changed.receiver), ['semel_receiver'], 'the others stay');
});

t.test('a migration folder without a script is reported by name', async (t) => {
  const databaseUrl = await emptyDatabase();
  const dir = folderOf(t, {});
  mkdirSync(path.join(dir, '20260101000000_empty'));
  const expected = { code: 'migrations_unreadable', message: /20260101000000_empty/ };
  await t.rejects(applyFolder(databaseUrl, dir), expected);
  await t.rejects(pendingIn(databaseUrl, path.join(dir, 'none')), {
    code: 'migrations_unreadable',
  });
});

t.test('schema and migrations agree, and a difference is detected', async (t) => {
  const databaseUrl = await emptyDatabase();
  const agreed = await diffAgainstSchema({ databaseUrl, migrationsDir, schemaDir });
  t.strictSame(agreed, { sql: '', summary: '' });

  const changed = folderOf(t, {});
  cpSync(schemaDir, changed, { recursive: true });
  const file = path.join(changed, 'tenancy.prisma');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^model Firm \{/m, '$&\n  extra String?'));
  const { sql } = await diffAgainstSchema({ databaseUrl, migrationsDir, schemaDir: changed });
  t.match(sql, /ALTER TABLE "firms" ADD COLUMN +"extra" TEXT/);
  const left = await query(server.url, `SELECT datname FROM pg_database WHERE datname LIKE 'semel_shadow%'`);
  t.strictSame(left, [], 'no shadow database stays behind');
});

t.test('an existing payment keeps its values, and row-level security is on again', async (t) => {
  const databaseUrl = await emptyDatabase();
  const [init = '', details = ''] = names;
  const before = folderOf(t, {});
  cpSync(path.join(migrationsDir, init), path.join(before, init), { recursive: true });
  await applyFolder(databaseUrl, before);
  const firm = '00000000-0000-4000-8000-000000000001';
  const asFirm = (text: string) => query(databaseUrl, `SET semel.firm_ids = '{${firm}}'; ${text}`);
  await asFirm(
    `INSERT INTO firms (id, slug, name) VALUES ('${firm}', 'a', 'A');
     INSERT INTO finance_payments (id, firm_id, provider, external_id, amount_refunded, paid_at, order_major, order_minor, order_event)
     VALUES ('${firm}', '${firm}', 'square', 'pay_1', 300, '2026-01-15T12:00:00Z', 1, 1, 'x')`,
  );
  cpSync(path.join(migrationsDir, details), path.join(before, details), { recursive: true });
  await applyFolder(databaseUrl, before);
  const read = `SELECT own_amount_refunded::int AS refunded, own_paid_at = paid_at AS paid FROM finance_payments`;
  const url = new URL(databaseUrl);
  url.searchParams.set('options', `-c semel.firm_ids={${firm}}`);
  t.strictSame(await query(url.href, read), [{ refunded: 300, paid: true }]);
  t.strictSame(await query(databaseUrl, read), [], 'its owner sees nothing without naming the firm');
});
