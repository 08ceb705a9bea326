import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import t from 'tap';
import {
  applyMigrations,
  diffAgainstSchema,
  MigrationError,
  pendingMigrations,
} from '../../packages/database/src/migrate/index.js';
import { startPostgres, uniqueName, waitUntil } from '../support/servers.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const migrationsDir = path.join(root, 'prisma/migrations');
const schemaDir = path.join(root, 'prisma/schema');
const names = readdirSync(migrationsDir, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

const server = await startPostgres({ fsync: false });
t.teardown(() => server.stop());

// As a managed PostgreSQL gives it: the owner of its database may create roles, and is no superuser.
const ownerUrl = new URL(server.url);
ownerUrl.username = 'owner';
ownerUrl.password = 'owner';
await query(server.url, `CREATE ROLE owner LOGIN CREATEROLE CREATEDB NOSUPERUSER PASSWORD 'owner'`);

async function emptyDatabase(): Promise<string> {
  const name = uniqueName('migrate');
  await query(server.url, `CREATE DATABASE ${name} OWNER owner`);
  const url = new URL(ownerUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** A migrations folder with scripts of the test's own. */
function folderOf(t: Tap, scripts: Record<string, string>): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'semel-migrate-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, sql] of Object.entries(scripts)) write(dir, name, sql);
  return dir;
}

function write(dir: string, name: string, sql: string): void {
  mkdirSync(path.join(dir, name), { recursive: true });
  writeFileSync(path.join(dir, name, 'migration.sql'), sql);
}

type Tap = Pick<typeof t, 'teardown'>;

const history = (databaseUrl: string) =>
  query(
    databaseUrl,
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS undone
     FROM _prisma_migrations ORDER BY started_at`,
  );

t.test('an empty database is migrated by an owner who is no superuser, once', async (t) => {
  const databaseUrl = await emptyDatabase();
  t.strictSame(
    await pendingMigrations({ databaseUrl, migrationsDir }),
    names,
    'all pending, without the table',
  );
  t.strictSame(await applyMigrations({ databaseUrl, migrationsDir }), { applied: names });
  t.strictSame(await pendingMigrations({ databaseUrl, migrationsDir }), []);
  t.strictSame(await applyMigrations({ databaseUrl, migrationsDir }), { applied: [] }, 'twice without harm');

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

t.test('an older release is content with a newer database, and changes nothing in it', async (t) => {
  const databaseUrl = await emptyDatabase();
  await applyMigrations({ databaseUrl, migrationsDir });
  const older = folderOf(t, {});
  for (const name of names.slice(0, -1))
    cpSync(path.join(migrationsDir, name), path.join(older, name), { recursive: true });
  const before = await history(databaseUrl);
  t.strictSame(await pendingMigrations({ databaseUrl, migrationsDir: older }), []);
  t.strictSame(await applyMigrations({ databaseUrl, migrationsDir: older }), { applied: [] });
  t.strictSame(await history(databaseUrl), before);
});

t.test('several runs at once take turns', async (t) => {
  const databaseUrl = await emptyDatabase();
  const runs = await Promise.all([1, 2, 3].map(() => applyMigrations({ databaseUrl, migrationsDir })));
  t.strictSame(
    runs.flatMap((run) => run.applied),
    names,
  );
  t.equal((await history(databaseUrl)).length, names.length);
});

t.test('any role can ask what is pending', async (t) => {
  const databaseUrl = await emptyDatabase();
  await applyMigrations({ databaseUrl, migrationsDir });
  await query(server.url, `CREATE ROLE reader LOGIN PASSWORD 'reader'`);
  const url = new URL(databaseUrl);
  url.username = url.password = 'reader';
  const pool = new pg.Pool({ connectionString: url.href });
  t.teardown(() => pool.end());
  t.strictSame(await pendingMigrations({ query: (text) => pool.query(text), migrationsDir }), []);
  await t.rejects(pool.query('SELECT logs FROM _prisma_migrations'), { code: '42501' });
});

t.test('functions, semicolons in texts and trailing comments survive', async (t) => {
  const databaseUrl = await emptyDatabase();
  const dir = folderOf(t, {
    '20260101000000_tricky': `
      CREATE FUNCTION twice(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM ';'; RETURN n * 2; END; $$;
      DO $$ BEGIN IF twice(2) <> 4 THEN RAISE EXCEPTION 'no;'; END IF; END $$ -- the end`,
  });
  t.strictSame(await applyMigrations({ databaseUrl, migrationsDir: dir }), {
    applied: ['20260101000000_tricky'],
  });
  t.strictSame(await query(databaseUrl, 'SELECT twice(21) AS n'), [{ n: 42 }]);
});

t.test(
  'a broken migration says which one and why, leaves nothing behind, and runs again once mended',
  async (t) => {
    const databaseUrl = await emptyDatabase();
    const dir = folderOf(t, {
      '20260101000000_fine': 'CREATE TABLE fine (id int)',
      '20260102000000_broken': 'CREATE TABLE half (id int); SELECT nonsense;',
    });
    const error = await applyMigrations({ databaseUrl, migrationsDir: dir }).catch((error: unknown) => error);
    if (!(error instanceof MigrationError)) throw error;
    t.match(error, { code: 'migration_failed', migration: '20260102000000_broken' });
    t.match(
      error.message,
      /20260102000000_broken failed: column "nonsense" does not exist .*Mend its script/,
    );
    t.strictSame(await pendingMigrations({ databaseUrl, migrationsDir: dir }), ['20260102000000_broken']);
    t.strictSame(await query(databaseUrl, `SELECT to_regclass('half') AS half`), [{ half: null }]);

    await t.rejects(
      applyMigrations({ databaseUrl, migrationsDir: dir }),
      { code: 'migration_failed' },
      'unmended',
    );
    write(dir, '20260102000000_broken', 'CREATE TABLE half (id int)');
    t.strictSame(await applyMigrations({ databaseUrl, migrationsDir: dir }), {
      applied: ['20260102000000_broken'],
    });
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

t.test('a run that is cut off in the middle is taken up by the next', async (t) => {
  const databaseUrl = await emptyDatabase();
  const dir = folderOf(t, { '20260101000000_slow': 'CREATE TABLE slow (id int); SELECT pg_sleep(60);' });
  const run = applyMigrations({ databaseUrl, migrationsDir: dir }).catch((error: unknown) => error);
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
  t.strictSame(await applyMigrations({ databaseUrl, migrationsDir: dir }), {
    applied: ['20260101000000_slow'],
  });
});

t.test('a script that commits by itself and fails waits for an operator, and says what to do', async (t) => {
  const databaseUrl = await emptyDatabase();
  const dir = folderOf(t, {
    '20260101000000_parts': 'BEGIN; CREATE TABLE one (id int);\nCOMMIT;\nBEGIN; SELECT nonsense; COMMIT;',
  });
  const failed = applyMigrations({ databaseUrl, migrationsDir: dir });
  const undo = /run (UPDATE _prisma_migrations SET rolled_back_at .*?;)/;
  await t.rejects(failed, { code: 'migration_failed', message: undo });
  const error = await applyMigrations({ databaseUrl, migrationsDir: dir }).catch((error: unknown) => error);
  t.match(error, { code: 'migration_unfinished', migration: '20260101000000_parts', message: undo });

  await query(databaseUrl, `DROP TABLE one; ${undo.exec((error as Error).message)?.[1]}`);
  write(dir, '20260101000000_parts', 'CREATE TABLE one (id int)');
  t.strictSame(await applyMigrations({ databaseUrl, migrationsDir: dir }), {
    applied: ['20260101000000_parts'],
  });
});

t.test('a folder without its script is named', async (t) => {
  const databaseUrl = await emptyDatabase();
  const dir = folderOf(t, {});
  mkdirSync(path.join(dir, '20260101000000_empty'));
  const expected = { code: 'migrations_unreadable', message: /20260101000000_empty/ };
  await t.rejects(applyMigrations({ databaseUrl, migrationsDir: dir }), expected);
  await t.rejects(pendingMigrations({ databaseUrl, migrationsDir: path.join(dir, 'none') }), {
    code: 'migrations_unreadable',
  });
});

t.test('schema and migrations agree, and a difference is seen', async (t) => {
  const shadowDatabaseUrl = await emptyDatabase();
  const agreed = await diffAgainstSchema({ shadowDatabaseUrl, migrationsDir, schemaDir });
  t.strictSame(agreed, { sql: '', summary: '' });

  const changed = folderOf(t, {});
  cpSync(schemaDir, changed, { recursive: true });
  const file = path.join(changed, 'tenancy.prisma');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^model Firm \{/m, '$&\n  extra String?'));
  const { sql } = await diffAgainstSchema({ shadowDatabaseUrl, migrationsDir, schemaDir: changed });
  t.match(sql, /ALTER TABLE "firms" ADD COLUMN +"extra" TEXT/);
  const left = await query(server.url, `SELECT datname FROM pg_database WHERE datname LIKE 'semel_shadow%'`);
  t.strictSame(left, [], 'no shadow database stays behind');
});

t.test('a payment that was there before keeps what it said, behind a wall that stands again', async (t) => {
  const databaseUrl = await emptyDatabase();
  const [init = '', details = ''] = names;
  const before = folderOf(t, {});
  cpSync(path.join(migrationsDir, init), path.join(before, init), { recursive: true });
  await applyMigrations({ databaseUrl, migrationsDir: before });
  const firm = '00000000-0000-4000-8000-000000000001';
  const asFirm = (text: string) => query(databaseUrl, `SET semel.firm_ids = '{${firm}}'; ${text}`);
  await asFirm(
    `INSERT INTO firms (id, slug, name) VALUES ('${firm}', 'a', 'A');
     INSERT INTO finance_payments (id, firm_id, provider, external_id, amount_refunded, paid_at, order_major, order_minor, order_event)
     VALUES ('${firm}', '${firm}', 'square', 'pay_1', 300, '2026-01-15T12:00:00Z', 1, 1, 'x')`,
  );
  cpSync(path.join(migrationsDir, details), path.join(before, details), { recursive: true });
  await applyMigrations({ databaseUrl, migrationsDir: before });
  const read = `SELECT own_amount_refunded::int AS refunded, own_paid_at = paid_at AS paid FROM finance_payments`;
  const url = new URL(databaseUrl);
  url.searchParams.set('options', `-c semel.firm_ids={${firm}}`);
  t.strictSame(await query(url.href, read), [{ refunded: 300, paid: true }]);
  t.strictSame(await query(databaseUrl, read), [], 'its owner sees nothing without naming the firm');
});
