import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectionAs } from '@semel/database';
import { providers } from '@semel/providers';
import pg from 'pg';
import t from 'tap';
import { startSemelHost } from '../support/cli.js';
import {
  makeTemplate,
  testDatabaseEnv,
  testEncryptionKey,
  testPasswordEnv,
  testPasswords,
} from '../support/database.js';
import { type Harness, identityOf, mainTypeOf, startHarness, type TestEndpoint } from '../support/harness.js';
import { findPostgresPrograms } from '../support/postgres-programs.js';
import { startPostgres, type TestServer, waitUntil } from '../support/servers.js';
import { readIsolation } from '../support/tenant-isolation.js';

// Backup and restore of docs/operations.md, with its own commands: PostgreSQL's disk is lost, Redis's is not, and Redis
// knows events that are newer than the backup.

t.setTimeout(290_000);

const binDir = findPostgresPrograms();
const noPrograms = binDir === null ? 'no PostgreSQL with pg_dump is installed' : false;

t.test(
  'after restoring a backup, events newer than the backup are applied again',
  { skip: noPrograms },
  async (t) => {
    const scratch = mkdtempSync(join(tmpdir(), 'semel-backup-'));
    t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
    const server = await startPostgres({ fsync: false, binDir: binDir as string });
    t.teardown(() => server.stop());
    process.env[testDatabaseEnv.cluster] = server.url;
    process.env[testDatabaseEnv.template] = await makeTemplate(server);
    const harness = await startHarness(t, { durability: 'postgres', spillAgainAfterMs: 2_000 });
    const owner = new URL(harness.database.url);
    owner.username = owner.password = 'semel_owner';
    const env = {
      DATABASE_URL: owner.href,
      REDIS_URL: harness.redisServer.url,
      SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
      ...testPasswordEnv,
      SEMEL_DATA_DIR: join(scratch, 'none'),
    };
    const run = startSemelHost(t);
    const semel = async (...args: string[]) => {
      const { code, stdout, stderr } = await run([...args, '--json'], { env });
      if (code !== 0) throw new Error(`semel ${args.join(' ')} ended with ${code}: ${stderr}`);
      return JSON.parse(stdout);
    };
    const shell = { cwd: scratch, env: programsEnv(harness.database.url), stdio: 'pipe' } as const;
    const firmId = await harness.addFirm();
    const otherId = await harness.addFirm();
    const endpoints = await Promise.all(providers.map(({ name }) => harness.addEndpoint(name, firmId)));
    const waiting = await harness.addEndpoint('stripe', otherId);

    // Before the backup: an event of each provider is applied, and one of another firm waits for a worker.
    const old = await sendEach(harness, endpoints);
    await appliedOnce(t, harness, old);
    await semel('queue', 'pause', 'stripe');
    const [waits] = (await sendEach(harness, [waiting])) as [Kept];
    const wallsBefore = await readIsolation(harness.database.url);
    for (const command of documented(/^pg_dump/)) execFileSync('sh', ['-ec', command], shell);
    const dumpAs = (url: URL) =>
      spawnSync('pg_dump', [`--dbname=${url.href}`, '--file=other.sql'], { ...shell, encoding: 'utf8' });
    t.match(dumpAs(owner), { status: 1, stderr: /row-level security/ }, 'the owner can not make a backup');
    const keeper = new URL(owner);
    keeper.username = keeper.password = 'keeper';
    await harness.sql(`CREATE ROLE keeper LOGIN BYPASSRLS PASSWORD 'keeper' IN ROLE pg_read_all_data`);
    t.match(dumpAs(keeper), { status: 0 }, 'a role that bypasses row-level security can');

    // After the backup.
    await semel('queue', 'resume', 'stripe');
    const late = await sendEach(harness, endpoints);
    await appliedOnce(t, harness, [...late, waits]);

    await Promise.all([...harness.receivers, ...harness.workers].map((app) => app.close()));
    await loseDisk(server);
    for (const command of documented(/^(psql|pg_restore)/)) execFileSync('sh', ['-ec', command], shell);
    t.strictSame(await semel('migrate'), { applied: [] }, 'and the roles have their passwords');
    t.strictSame(
      await readIsolation(harness.database.url),
      wallsBefore,
      'every policy and right is restored',
    );
    for (const event of late) t.strictSame(await harness.attemptsOf(event.eventId), [], 'it is forgotten');
    const { total } = await semel('claims', 'reset', '--yes');
    t.equal(total, old.length + late.length + 1);

    const receiver = await harness.startReceiver();
    await harness.startWorker();
    // An accepted delivery also proves that its secret could be opened.
    const again = async ({ endpoint, body }: Kept) => {
      const { status, outcome } = await harness.send(endpoint, mainTypeOf(endpoint.provider).type, {
        body,
        receiver,
      });
      t.equal(status, 200);
      return outcome;
    };
    for (const event of [...old, ...late])
      t.not(await again(event), 'duplicate', `${event.endpoint.provider.name}: the ledger is to judge`);
    await appliedOnce(t, harness, late);
    await appliedOnce(t, harness, [waits]); // it was not redelivered: its copy was in the backup
    for (const event of old) await foundByLedger(harness, event);
    await appliedOnce(t, harness, old);
    for (const event of late) t.equal(await again(event), 'duplicate');

    const worker = new pg.Pool(connectionAs(harness.database.url, 'worker', testPasswords));
    t.teardown(() => worker.end());
    const seen = (firm: string) =>
      worker.query(
        `SELECT set_config('semel.firm_ids', '{${firm}}', false); SELECT DISTINCT firm_id FROM finance_stripe_webhook_events`,
      ) as unknown as Promise<pg.QueryResult[]>;
    for (const firm of [firmId, otherId])
      t.strictSame((await seen(firm))[1]?.rows, [{ firm_id: firm }], 'a firm sees its own alone');
  },
);

type Asserts = Pick<typeof t, 'strictSame'>;

interface Kept {
  endpoint: TestEndpoint;
  body: Buffer;
  eventId: string;
}

/** Sends one event to each endpoint; returns once all are accepted. */
async function sendEach(harness: Harness, endpoints: readonly TestEndpoint[]): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (const endpoint of endpoints) {
    const { body, channel } = harness.buildBody(endpoint, mainTypeOf(endpoint.provider).type);
    const { eventId } = identityOf(endpoint.provider, body, channel, endpoint);
    await waitUntil(
      async () => (await harness.send(endpoint, mainTypeOf(endpoint.provider).type, { body })).status === 200,
      {
        what: `${endpoint.provider.name} is accepted`, // a receiver loads a new endpoint after a moment
      },
    );
    kept.push({ endpoint, body, eventId });
  }
  return kept;
}

async function appliedOnce(t: Asserts, harness: Harness, events: readonly Kept[]): Promise<void> {
  for (const { endpoint, eventId } of events) {
    const { outcome } = await harness.applied(endpoint.provider, eventId);
    t.strictSame(await harness.attemptsOf(eventId), [{ outcome, error: null }], endpoint.provider.name);
  }
}

const foundByLedger = (harness: Harness, { endpoint: { provider }, eventId }: Kept) =>
  waitUntil(
    async () => {
      const [row] = await harness.sql(
        `SELECT 1 FROM ${provider.ledger.table} WHERE idempotency_key = $1 AND duplicate_count > 0`,
        [`${provider.name}:${eventId}`],
      );
      return row;
    },
    { what: `the ledger finds ${eventId} to be a duplicate` },
  );

/** The lines of docs/operations.md, section "Backup and restore", that begin with this text. */
function documented(beginning: RegExp): string[] {
  const page = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');
  const section = /\n## Backup and restore\n(.*?)\n## /s.exec(page)?.[1] ?? '';
  const lines = section
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => beginning.test(line));
  if (lines.length < 2) throw new Error(`docs/operations.md has no commands like ${beginning}`);
  return lines;
}

/** As docs/operations.md requires: a superuser, and Semel's database. */
function programsEnv(databaseUrl: string): NodeJS.ProcessEnv {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  return {
    PATH: `${binDir}:${process.env.PATH}`,
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: username,
    PGPASSWORD: password,
    PGDATABASE: pathname.slice(1),
  };
}

/** A new, empty cluster at the same address. */
async function loseDisk(server: TestServer): Promise<void> {
  await server.kill();
  rmSync(join(server.dir, 'data'), { recursive: true, force: true });
  await server.restart();
}
