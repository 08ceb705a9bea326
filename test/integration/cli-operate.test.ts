import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Provider } from '@semel/core';
import { connectionAs } from '@semel/database';
import { providerNamed } from '@semel/providers';
import pg from 'pg';
import t from 'tap';
import { jsonFailure, jsonValue, runSemel, startSemelHost } from '../support/cli.js';
import { startHarness, type TestEndpoint } from '../support/harness.js';
import {
  freePort,
  testEncryptionKey,
  testPasswordEnv,
  testPasswords,
  waitUntil,
} from '../support/servers.js';

// Bulk operations: previewed, audited, safe to interrupt, and never applied to a final event.

t.setTimeout(290_000);

const scratch = mkdtempSync(join(tmpdir(), 'semel-operate-'));
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));

let broken = false;
const harness = await startHarness(t, {
  attempts: 1,
  rule: (provider) => ({
    ...provider,
    changesOf(event, body) {
      if (broken) throw new Error('the rule is broken');
      return provider.changesOf(event, body);
    },
  }),
});
const stripe = providerNamed('stripe') as Provider;
const acmeId = await harness.addFirm('acme');
const birchId = await harness.addFirm('birch');
const acme = await harness.addEndpoint('stripe', acmeId);
const birch = await harness.addEndpoint('stripe', birchId);
const platform = await harness.addEndpoint('stripe', null);

const env = {
  DATABASE_URL: harness.database.url,
  REDIS_URL: harness.redisServer.url,
  SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
  ...testPasswordEnv,
  SEMEL_DATA_DIR: join(scratch, 'none'),
  SEMEL_OPERATOR: 'ada',
};
const runWarm = startSemelHost(t);
const run = (args: readonly string[], changed: NodeJS.ProcessEnv = {}) =>
  runWarm(args, { env: { ...env, ...changed } });

const value = (args: readonly string[]) => jsonValue(run, args);
const failure = (args: readonly string[]) => jsonFailure(run, args);

/** Sends `count` events, and waits until they have this outcome. */
async function sendMany(endpoint: TestEndpoint, count: number, outcome?: string): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const { status, eventId } = await harness.send(endpoint, 'invoice.paid');
    if (status !== 200) throw new Error(`not accepted: ${status}`);
    ids.push(eventId);
  }
  for (const id of ids) await harness.applied(stripe, id, outcome);
  return ids;
}

async function sendDead(endpoint: TestEndpoint, count: number): Promise<string[]> {
  broken = true;
  const ids = await sendMany(endpoint, count, 'dead');
  broken = false;
  return ids;
}

const actions = (action: string) =>
  harness.sql<{
    run_id: string;
    firm_id: string | null;
    params: object;
    result: object | null;
    operator: string;
  }>('SELECT * FROM operator_actions WHERE action = $1 ORDER BY id', [action]);

await waitUntil(async () => (await harness.send(acme, 'invoice.paid')).status === 200, {
  what: 'the receiver knows the endpoints',
});

t.test('status reports no problems, or each problem with the command to type', async (t) => {
  const well = await waitUntil(
    async () => {
      const { code, stdout } = await run(['status', '--json']);
      return code === 0 ? JSON.parse(stdout) : null;
    },
    { what: 'nothing is wrong', intervalMs: 200 },
  );
  t.match(well, { ok: true, problems: [], postgres: { state: 'up', pending: [] }, redis: { state: 'up' } });
  t.match(well.warnings, [/appendonly/], 'a setting is a warning');
  t.match(well.queues[0], { provider: 'stripe', paused: false, waiting: 0, active: 0, oldestAgeMs: null });
  t.match((await run(['status'])).stdout, /^PostgreSQL +up\nRedis +up\n\nQUEUE .*All is well\.\n$/s);

  t.match(await value(['queue', 'pause', 'stripe']), { provider: 'stripe', paused: true, waiting: 0 });
  const { eventId } = await harness.send(acme, 'invoice.paid');
  const paused = await waitUntil(
    async () => {
      const ran = await run(['status', '--json']);
      const found = JSON.parse(ran.stdout);
      return found.queues[0].waiting === 1 ? { ...ran, found } : null;
    },
    { what: 'the event waits', intervalMs: 200 },
  );
  t.match(paused.found.problems, [
    { what: 'stripe is paused, and 1 event waits', next: 'semel queue resume stripe' },
  ]);
  t.equal(paused.code, 1);
  t.match(JSON.parse(paused.stderr), { error: { code: 'status_wrong' } });
  t.match((await run(['status'])).stdout, /stripe +paused +1 .*Wrong: .*\n {2}→ semel queue resume stripe/s);
  t.strictSame(await harness.attemptsOf(eventId), [], 'accepted, and applied by nobody');

  t.match((await run(['queue', 'resume', 'stripe'])).stdout, /^Resumed: /);
  await harness.applied(stripe, eventId);
  t.match(await failure(['queue', 'pause', 'x']), { exit: 2, code: 'provider_unknown' });
  t.match(await actions('queue pause'), [
    { operator: 'ada', firm_id: null, params: { provider: 'stripe' }, result: null },
    { firm_id: null, result: { paused: true } },
  ]);
  t.equal((await actions('queue resume')).length, 2);
});

t.test('status answers while a store is unreachable or not migrated', async (t) => {
  const away = `127.0.0.1:${await freePort()}`;
  const both = { DATABASE_URL: `postgres://u:hunter2@${away}/semel`, REDIS_URL: `redis://:hunter2@${away}` };
  const { code, stdout, stderr } = await run(['status', '--json'], both);
  t.equal(code, 1);
  t.match(JSON.parse(stdout), {
    ok: false,
    postgres: { state: 'away' },
    redis: { state: 'away' },
    overview: null,
    queues: null,
    problems: [{ what: /^PostgreSQL at .*reached/, next: /start it/ }, { what: /^Redis at/ }],
  });
  t.notMatch(stdout + stderr, 'hunter2');

  const empty = new URL(harness.database.url);
  empty.pathname = '/operate_empty';
  await harness.sql('CREATE DATABASE operate_empty');
  t.teardown(() => harness.sql('DROP DATABASE operate_empty WITH (FORCE)'));
  const unmigrated = await run(['status', '--json'], { DATABASE_URL: empty.href });
  t.match(JSON.parse(unmigrated.stdout), {
    postgres: { state: 'unmigrated' },
    problems: [{ next: 'semel migrate' }],
  });
});

t.test('a bulk replay is previewed, runs each event once, and is audited per firm', async (t) => {
  const ofAcme = await sendDead(acme, 3);
  const ofBirch = await sendDead(birch, 2);
  const dead = ['replay', '--outcome', 'dead'];
  const plan = {
    count: 5,
    firms: [
      { firmSlug: 'acme', count: 3 },
      { firmSlug: 'birch', count: 2 },
    ],
    types: [{ provider: 'stripe', type: 'invoice.paid', count: 5 }],
  };
  const [oldest] = await harness.sql<{ at: Date }>(
    `SELECT min(received_at) AS at FROM finance_stripe_webhook_events WHERE outcome = 'dead'`,
  );
  t.match(await value([...dead, '--dry-run']), {
    dryRun: true,
    ...plan,
    oldest: oldest?.at.toISOString(),
    done: 0,
  });
  t.match(
    (await run([...dead, '--dry-run'])).stdout,
    /^5 events, the oldest of \d{4}.*acme +3\n.*paid +5\n$/s,
  );
  t.match(await failure(dead), { exit: 2, code: 'confirmation_missing' });
  t.strictSame(await actions('replay'), [], 'nothing was done, nothing is written down');
  for (const id of ofAcme) t.equal((await harness.attemptsOf(id)).length, 1, 'a dry run runs nothing');

  for (const [filter, count] of [
    [['--firm', 'birch'], 2],
    [['--provider', 'square'], 0],
    [['--type', 'invoice.paid'], 5],
    [['--type', 'x'], 0],
    [['--since', '1h'], 5],
    [['--until', '1h'], 0],
  ] as const)
    t.match(await value([...dead, '--dry-run', ...filter]), { count }, filter.join(' '));
  t.match(await value(['replay', '--outcome', 'failed', '--dry-run']), { count: 0 });

  const beganMs = performance.now();
  t.match(await value([...dead, '--yes', '--rate', '20']), {
    dryRun: false,
    count: 5,
    done: 5,
    results: { enqueued: 5 },
    interrupted: false,
  });
  t.ok(performance.now() - beganMs >= 200, 'the rate is kept to');
  for (const id of [...ofAcme, ...ofBirch]) {
    await harness.applied(stripe, id);
    t.match(await harness.attemptsOf(id), [{ outcome: 'dead' }, { outcome: 'applied' }]);
  }
  const written = await actions('replay');
  t.match(written, [
    { firm_id: acmeId, params: { outcome: 'dead', count: 5 }, result: null, operator: 'ada' },
    { firm_id: birchId, result: null },
    { firm_id: acmeId, result: { enqueued: 3 } },
    { firm_id: birchId, result: { enqueued: 2 } },
  ]);
  t.equal(new Set(written.map(({ run_id }) => run_id)).size, 1);
  t.match((await run([...dead, '--yes'])).stdout, 'There is no dead event of that kind.');

  for (const args of [
    ['replay'],
    ['replay', 'stripe'],
    ['replay', 'stripe', 'evt_1', '--yes'],
    ['replay', 'stripe', 'evt_1', '--outcome', 'dead'],
    ['replay', '--outcome', 'applied'],
    ['replay', '--outcome', 'dead', '--rate', '0'],
  ])
    t.match(await failure(args), { exit: 2, code: 'usage_invalid' }, args.join(' '));
});

t.test('Ctrl-C ends a replay after the current event, and prints its progress', async (t) => {
  const ids = await sendDead(acme, 6);
  const countOf = async (outcome: string) =>
    (
      await harness.sql(
        'SELECT 1 FROM finance_stripe_webhook_events WHERE outcome = $1 AND stripe_event_id = ANY ($2)',
        [outcome, ids],
      )
    ).length;
  const stopped = await runSemel(['replay', '--outcome', 'dead', '--yes', '--rate', '0.1', '--json'], {
    env,
    onStart: (child) =>
      void waitUntil(async () => (await countOf('applied')) > 0, {
        what: 'the first one ran',
        timeoutMs: 100_000,
      }).finally(() => child.kill('SIGINT')),
  });
  const { done, interrupted } = JSON.parse(stopped.stdout);
  t.equal(stopped.code, 130);
  t.ok(interrupted && done >= 1 && done < 6, `${done} of 6`);
  t.match(JSON.parse(stopped.stderr), {
    error: { code: 'interrupted', message: `stopped after ${done} of 6` },
  });
  await waitUntil(async () => (await countOf('applied')) === done, { what: 'those that were enqueued ran' });
  t.equal(await countOf('dead'), 6 - done, 'the others were left alone');
  t.match((await actions('replay')).at(-1), { result: { enqueued: done, interrupted: true } });
  t.match(await value(['replay', '--outcome', 'dead', '--yes']), { done: 6 - done });
  for (const id of ids) await harness.applied(stripe, id);
});

t.test('a replay that a store outage ends prints what was done before', async (t) => {
  const [id] = await sendDead(acme, 1);
  const ran = await run(['replay', '--outcome', 'dead', '--yes', '--json'], {
    REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
  });
  t.equal(ran.code, 1);
  t.match(JSON.parse(ran.stdout), { count: 1, done: 0 });
  t.match(JSON.parse(ran.stderr), {
    error: { code: 'store_unavailable', message: /^stopped after 0 of 1: Redis/ },
  });
  t.match((await actions('replay')).at(-1), { firm_id: acmeId, result: { error: 'store_unavailable' } });
  await value(['replay', 'stripe', id as string]);
  await harness.applied(stripe, id as string);
  t.match((await actions('replay')).at(-1), {
    firm_id: acmeId,
    params: { eventId: id },
    result: { outcome: 'dead', result: 'enqueued' },
  });
});

t.test('mapping an account releases all quarantined events that wait for it', async (t) => {
  const account = 'acct_new';
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    const sent = await harness.send(platform, 'invoice.paid', { account });
    t.equal(sent.outcome, 'quarantined');
    ids.push(sent.eventId);
  }
  await harness.send(platform, 'invoice.paid', { account: 'acct_other' });
  const list = ['quarantine', 'list'];
  t.equal((await value([...list, '--reason', 'account_unknown', '--since', '1h'])).length, 4);
  t.strictSame(await value([...list, '--reason', 'owner_collision']), []);
  t.match(await failure([...list, '--reason', 'x']), { exit: 2, code: 'input_invalid' });
  const lines = (await run([...list, '--ndjson', '--limit', '2'])).stdout.trimEnd().split('\n');
  t.strictSame(
    lines.map((line) => JSON.parse(line).id),
    (await value([...list, '--limit', '2'])).map(({ id }: { id: number }) => id),
  );

  const release = ['quarantine', 'release', '--provider', 'stripe', '--account', account];
  t.match(await failure([...release, '--yes']), { exit: 1, code: 'still_unmapped' });
  await value(['account', 'map', '--provider', 'stripe', '--account', account, '--firm', 'birch']);
  t.match(await value([...release, '--dry-run']), {
    count: 3,
    firms: [{ firmSlug: 'birch', count: 3 }],
    types: [{ type: 'invoice.paid', count: 3 }],
  });
  t.match(await failure(release), { exit: 2, code: 'confirmation_missing' });
  t.match(await value([...release, '--yes']), { done: 3, results: { released: 3 } });
  for (const id of ids) t.equal((await harness.applied(stripe, id)).firm_id, birchId);
  t.match(await value(list), [{ account: 'acct_other' }], 'the others wait');
  t.match(await value([...release, '--yes']), { count: 0, done: 0 });
  t.match((await actions('quarantine release')).at(-1), { firm_id: birchId, result: { released: 3 } });
  for (const args of [
    ['quarantine', 'release'],
    [...release.slice(0, 4)],
    ['quarantine', 'release', '1', '--yes'],
  ])
    t.match(await failure(args), { exit: 2, code: 'usage_invalid' }, args.join(' '));

  const [{ id }] = await value(list);
  await value(['quarantine', 'discard', String(id)]);
  t.match((await actions('quarantine discard')).at(-1), {
    params: { id: String(id) },
    result: { resolution: 'discarded' },
  });
});

t.test('a listing of any size streams each row once, even rows with equal timestamps', async (t) => {
  const cedarId = await harness.addFirm('cedar');
  await harness.sql(
    `INSERT INTO finance_stripe_webhook_events (firm_id, endpoint_id, stripe_event_id, idempotency_key, event_type, account,
       event_raw, body_sha256, received_at, outcome)
     SELECT $1, $2, 'evt_many' || n, 'stripe:evt_many' || n, CASE WHEN n % 2 = 0 THEN 'x.even' ELSE 'x.odd' END, 'acct_' || n % 3,
       'x', 'x', '2026-01-01T00:00:00.123456Z'::timestamptz + n / 700 * interval '1 microsecond', 'ignored'
     FROM generate_series(1, 1300) n`,
    [cedarId, acme.id],
  );
  const ofCedar = ['events', 'list', '--firm', 'cedar'];
  const { stdout, stderr, code } = await run([...ofCedar, '--ndjson']);
  t.match({ code, stderr }, { code: 0, stderr: '' });
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.equal(rows.length, 1_300);
  t.equal(new Set(rows.map(({ eventId }) => eventId)).size, 1_300);
  t.strictSame(
    await value([...ofCedar, '--limit', '1200']),
    rows.slice(0, 1_200),
    'the array has the same order',
  );
  t.equal((await value(ofCedar)).length, 50);
  t.equal((await run([...ofCedar, '--ndjson', '--limit', '7'])).stdout.trimEnd().split('\n').length, 7);
  t.equal((await run(['events', 'list', '--ndjson', '--provider', 'twilio'])).stdout, '');
  t.match(await failure([...ofCedar, '--ndjson']), { exit: 2, code: 'usage_invalid' });

  const countOf = async (...filter: string[]) =>
    (await value([...ofCedar, '--limit', '2000', ...filter])).length;
  t.equal(await countOf('--type', 'x.even'), 650);
  t.equal(await countOf('--account', 'acct_0', '--type', 'x.odd'), 217);
  t.equal(await countOf('--until', '2026-01-01T00:00Z'), 0);
  t.equal(await countOf('--since', '2026-01-01', '--until', '2026-01-02'), 1_300);

  const paid = await harness.send(acme, 'invoice.paid', { overrides: { id: 'in_sought' } });
  await harness.applied(stripe, paid.eventId);
  t.match(await value(['events', 'list', '--object', 'in_sought']), [
    { eventId: paid.eventId, firmSlug: 'acme' },
  ]);
  t.strictSame(await value(['events', 'list', '--object', 'in_sought', '--firm', 'birch']), []);
});

t.test(
  'an export contains one whole firm and nothing of another, with a proof of completeness',
  async (t) => {
    const file = join(scratch, 'acme.ndjson');
    const day = [
      '--from',
      new Date(Date.now() - 3_600_000).toISOString(),
      '--to',
      new Date(Date.now() + 60_000).toISOString(),
    ];
    const ask = ['audit', 'export', '--firm', 'acme', ...day];
    const summary = await value([...ask, '--bodies', '--output', file]);
    const text = readFileSync(file, 'utf8');
    const end = text.trimEnd().lastIndexOf('\n') + 1;
    t.equal(createHash('sha256').update(text.slice(0, end)).digest('hex'), summary.sha256);
    t.match(JSON.parse(text.slice(end)), {
      kind: 'end',
      firm: 'acme',
      sha256: summary.sha256,
      counts: summary.counts,
    });
    t.notOk(readdirSync(scratch).some((name) => name.endsWith('.part')));

    const lines = text
      .slice(0, end)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    t.equal(lines.length, summary.lines);
    const of = (kind: string) => lines.filter((line) => line.kind === kind);
    const inTables = async (table: string) =>
      Number((await harness.sql(`SELECT count(*) FROM ${table} WHERE firm_id = $1`, [acmeId]))[0]?.count);
    t.equal(of('event').length, await inTables('webhook_events'));
    t.equal(of('attempt').length, await inTables('webhook_attempts'));
    t.equal(of('change').length, await inTables('domain_changes'));
    t.equal(of('action').length, await inTables('operator_actions'));
    t.ok(of('attempt').length > of('event').length, 'those that were dead first have two');
    for (const { bodyBase64, bodySha256 } of of('event'))
      t.equal(createHash('sha256').update(Buffer.from(bodyBase64, 'base64')).digest('hex'), bodySha256);
    const foreign = await harness.sql<{ id: string }>(
      'SELECT external_event_id AS id FROM webhook_events WHERE firm_id <> $1',
      [acmeId],
    );
    for (const { id } of foreign) t.notOk(text.includes(`"${id}"`));

    const [one, two] = [await run(ask), await run(ask)];
    t.notMatch(one.stdout, 'bodyBase64');
    t.equal(one.stdout.trimEnd().split('\n').length, summary.lines + 1);
    t.equal(one.stdout, two.stdout, 'the same again, to the byte');
    t.match(
      (await run([...ask, '--output', file])).stdout,
      /^Wrote \d+ lines to .*, SHA-256 [0-9a-f]{64}\.\n$/,
    );
    t.match(await failure(ask), { exit: 2, code: 'usage_invalid' });
    t.match(await failure([...ask, '--output', join(scratch, 'no', 'x')]), {
      exit: 1,
      code: 'output_unwritable',
    });
    t.match(await failure(['audit', 'export', '--firm', 'x', ...day, '--output', file]), {
      code: 'firm_unknown',
    });
    t.match(
      await failure(['audit', 'export', '--firm', 'acme', '--from', '1h', '--to', '2h', '--output', file]),
      {
        exit: 2,
      },
    );
  },
);

t.test(
  'the audit log lists what operators did, and the console can neither change nor delete it',
  async (t) => {
    const listed = await value(['audit', 'list', '--action', 'queue pause']);
    t.match(listed, [{ operator: 'ada', result: { paused: true } }, { result: null }]);
    t.match(
      (await run(['audit', 'list', '--firm', 'birch'])).stdout,
      /^AT +OPERATOR .*ada +quarantine release +birch/s,
    );
    const lines = (await run(['audit', 'list', '--ndjson'])).stdout.trimEnd().split('\n');
    t.equal(lines.length, Number((await harness.sql('SELECT count(*) FROM operator_actions'))[0]?.count));

    const client = new pg.Client(
      connectionAs(harness.database.url, 'console', testPasswords) as pg.ClientConfig,
    );
    await client.connect();
    t.teardown(() => client.end());
    for (const text of [
      `UPDATE operator_actions SET operator = 'eve'`,
      'DELETE FROM operator_actions',
      'TRUNCATE operator_actions',
    ])
      await t.rejects(client.query(text), { code: '42501' }, text);
  },
);
