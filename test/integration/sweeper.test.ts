import { randomUUID } from 'node:crypto';
import { connectionAs, openSweepLock } from '@semel/database';
import { providers } from '@semel/providers';
import { openQueue, prefixOf, queueKey } from '@semel/queue';
import { UnrecoverableError, Worker } from 'bullmq';
import pg from 'pg';
import t, { type Test } from 'tap';
import { startApp } from '../support/apps.js';
import {
  type Harness,
  type HarnessOptions,
  identityOf,
  mainTypeOf,
  startHarness,
  type TestEndpoint,
} from '../support/harness.js';
import { type PreparedEvent, prepare } from '../support/prepare.js';
import { testEncryptionKey, testPasswordEnv, testPasswords } from '../support/servers.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { waitUntil } from '../support/wait-until.js';

// The sweeper finds and continues stuck work, and leaves running work alone.

const sweep = { everyMs: 100, graceMs: 1 };

function prepareLarge(harness: Harness, endpoint: TestEndpoint): PreparedEvent {
  const event = prepare(harness, endpoint);
  const small = JSON.parse(event.body.toString());
  small.data.envelopeId = randomUUID();
  small.data.envelopeSummary.padding = 'ü'.repeat(100_000);
  const body = Buffer.from(JSON.stringify(small));
  return { ...event, body, eventId: identityOf(endpoint.provider, body, null).eventId };
}

const deliver = (harness: Harness, { endpoint, body }: PreparedEvent) =>
  harness.send(endpoint, mainTypeOf(endpoint.provider).type, { body });

/** Waits until the receiver knows the endpoint. */
const accepted = (harness: Harness, event: PreparedEvent) =>
  waitUntil(async () => (await deliver(harness, event)).status === 200, {
    what: `${event.eventId} is taken`,
  });

const swept = (harness: Harness, provider: string, result: string) =>
  harness.metric(`webhook_swept_total{provider="${provider}",result="${result}"}`, harness.workers);

/** A rule that fails while it is broken. */
function breakable() {
  const state = { broken: true };
  const rule: HarnessOptions['rule'] = (provider) => ({
    ...provider,
    changesOf: (...given) => {
      if (state.broken) throw new Error('a rule that is wrong');
      return provider.changesOf(...given);
    },
  });
  return { state, rule };
}

async function onceFailedThenApplied(t: Test, harness: Harness, { endpoint, eventId }: PreparedEvent) {
  await harness.applied(endpoint.provider, eventId);
  const outcomes = (await harness.attemptsOf(eventId)).map(({ outcome }) => outcome);
  t.same(outcomes, ['failed', mainTypeOf(endpoint.provider).outcome], eventId);
}

t.test('failed events without a job run again; those that wait for a retry do not', async (t) => {
  const { state, rule } = breakable();
  const harness = await startHarness(t, { rule, retryScale: 1_000, sweep: { ...sweep, pageSize: 2 } });
  const firm = await harness.addFirm();
  const events: PreparedEvent[] = [];
  for (const { name } of providers) {
    const endpoint = await harness.addEndpoint(name, firm);
    for (let i = 0; i < 3; i++) events.push(prepare(harness, endpoint));
    if (name === 'docusign') events.push(prepareLarge(harness, endpoint));
  }
  for (const event of events) await accepted(harness, event);
  for (const { endpoint, eventId } of events) await harness.applied(endpoint.provider, eventId, 'failed');
  state.broken = false;

  // One of them loses its job, and only that one is requeued.
  const alone = events.filter(({ endpoint }) => endpoint.provider.name === 'stripe').at(-1) as PreparedEvent;
  const queue = openQueue(harness.redis, 'stripe');
  await waitUntil(async () => (await queue.getDelayedCount()) === 3, { what: 'all wait for their turn' });
  await queue.remove(alone.eventId);
  await queue.close();
  await onceFailedThenApplied(t, harness, alone);
  t.equal(await swept(harness, 'stripe', 'failed_requeued'), 1);
  t.equal(await harness.redis.zcard(queueKey('stripe', 'delayed')), 2, 'the others still wait');
  t.ok(
    harness.logs.some(
      ({ msg, eventId, level }) => msg === 'sweep.healed' && eventId === alone.eventId && level,
    ),
  );

  await harness.redis.flushall();
  for (const event of events) await onceFailedThenApplied(t, harness, event);
  t.equal(await swept(harness, 'docusign', 'failed_requeued'), 4);
});

t.test('an event of an unknown account is released once the account is mapped to a firm', async (t) => {
  const harness = await startHarness(t, { sweep });
  const firm = await harness.addFirm();
  const other = await harness.addFirm();
  const platform = await harness.addEndpoint('stripe', null);
  const otherEndpoint = await harness.addEndpoint('stripe', other);
  const [mapped, unmapped] = ['acct_1Mapped', 'acct_1Unmapped'];
  const waiting = prepare(harness, platform, { account: mapped });
  const taken = prepare(harness, platform, { account: mapped });
  const stays = prepare(harness, platform, { account: unmapped });
  for (const event of [waiting, taken, stays]) {
    await accepted(harness, event);
    t.equal((await deliver(harness, event)).outcome, 'quarantined');
  }
  // The other firm has an event of the same id, signed with its own secret.
  await accepted(harness, { ...taken, endpoint: otherEndpoint });
  await harness.applied(platform.provider, taken.eventId);

  const queue = openQueue(harness.redis, 'stripe');
  await queue.pause();
  await harness.sql("INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ('stripe', $1, $2)", [
    mapped,
    firm,
  ]);
  await waitUntil(async () => (await swept(harness, 'stripe', 'quarantine_requeued')) >= 2, {
    what: 'both armed',
  });
  const rowOf = async ({ eventId }: PreparedEvent) =>
    (
      await harness.sql('SELECT resolved_at, resolution FROM webhook_quarantine WHERE event_id = $1', [
        eventId,
      ])
    )[0];
  t.equal((await rowOf(waiting))?.resolved_at, null, 'not marked before the ledger has it');
  await queue.close();
  await harness.redis.flushall(); // the jobs are lost, the queue is no longer paused

  const [{ slug } = { slug: '' }] = await harness.sql<{ slug: string }>(
    'SELECT slug FROM firms WHERE id = $1',
    [firm],
  );
  const ids = [waiting.eventId, `${taken.eventId}~${slug}`];
  for (const id of ids) {
    const row = await harness.applied(platform.provider, id);
    t.equal(row.firm_id, firm, 'for the firm of the account');
    t.equal((await harness.attemptsOf(id)).length, 1, 'once');
  }
  for (const event of [waiting, taken])
    await waitUntil(async () => (await rowOf(event))?.resolution === 'released by the sweeper', {
      what: 'marked',
    });
  t.equal((await harness.applied(platform.provider, taken.eventId)).firm_id, other, "the other firm's stays");
  t.equal((await rowOf(stays))?.resolved_at, null, 'an account that is still unknown waits');
  t.equal(await swept(harness, 'stripe', 'quarantine_released'), 2);
  t.equal(await swept(harness, 'stripe', 'refused'), 0);
});

t.test("an event with another firm's id is never released without an operator", async (t) => {
  const harness = await startHarness(t, { sweep });
  const endpoints = [
    await harness.addEndpoint('square', await harness.addFirm()),
    await harness.addEndpoint('square', await harness.addFirm()),
  ] as [TestEndpoint, TestEndpoint];
  const event = prepare(harness, endpoints[0]);
  for (const endpoint of endpoints) await accepted(harness, { ...event, endpoint });
  await harness.sql('UPDATE webhook_quarantine SET account = $1', ['M1']);
  await harness.sql("INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ('square', 'M1', $1)", [
    endpoints[1].firmId,
  ]);
  // A releasable row comes after it; once that one is released, this one was checked.
  const behind = prepare(harness, await harness.addEndpoint('square', null), { account: 'M1-later' });
  await waitUntil(async () => (await deliver(harness, behind)).outcome === 'quarantined', { what: 'aside' });
  await harness.sql(
    "INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ('square', 'M1-later', $1)",
    [endpoints[1].firmId],
  );
  await harness.applied(behind.endpoint.provider, behind.eventId);
  const rows = await harness.sql(
    "SELECT resolved_at FROM webhook_quarantine WHERE reason = 'owner_collision'",
  );
  t.same(rows, [{ resolved_at: null }]);
});

t.test('jobs that the queue failed run again, or are dead if they kill their workers', async (t) => {
  const harness = await startHarness(t, { workers: 0, attempts: 1, sweep: { ...sweep, pageSize: 2 } });
  const endpoint = await harness.addEndpoint('square', await harness.addFirm());
  const events = Array.from({ length: 4 }, () => prepare(harness, endpoint)) as [
    PreparedEvent,
    PreparedEvent,
    PreparedEvent,
    PreparedEvent,
  ];
  const connection = { url: harness.redisServer.url };
  const shared = { connection, prefix: prefixOf('square'), skipStalledCheck: true };
  const failedBy = (what: string, workers: Worker[], { eventId }: PreparedEvent) =>
    waitUntil(async () => (await harness.redis.zscore(queueKey('square', 'failed'), eventId)) !== null, {
      what,
    }).finally(() => Promise.all(workers.map((worker) => worker.close(true))));

  // Failed without a record in the ledger.
  for (const event of events.slice(0, 3)) await accepted(harness, event);
  const failing: Worker = new Worker(
    'square',
    () => Promise.reject(new UnrecoverableError('Connection is closed.')),
    shared,
  );
  await failedBy('all failed', [failing], events[2]);
  // Stalled too often: its worker hangs, and the next one fails it.
  await accepted(harness, events[3]);
  const hanging: Worker = new Worker('square', () => new Promise(() => undefined), {
    ...shared,
    lockDuration: 200,
    skipLockRenewal: true,
  });
  hanging.on('error', () => undefined);
  await waitUntil(async () => (await harness.redis.llen(queueKey('square', 'active'))) === 1, {
    what: 'active',
  });
  const next: Worker = new Worker('square', async () => t.fail('it must not run'), {
    ...shared,
    skipStalledCheck: false,
    stalledInterval: 200,
    maxStalledCount: 0,
  });
  next.on('error', () => undefined);
  await failedBy('stalled out', [hanging, next], events[3]);

  await harness.startWorker();
  for (const { eventId } of events.slice(0, 3)) {
    await harness.applied(endpoint.provider, eventId);
    t.equal((await harness.attemptsOf(eventId)).length, 1);
  }
  const dead = await harness.applied(endpoint.provider, events[3].eventId, 'dead');
  t.match(dead.last_error as string, /job_lost/);
  t.equal(await swept(harness, 'square', 'lost_requeued'), 3);
  t.equal(await swept(harness, 'square', 'lost_recorded'), 1);
  t.equal(await harness.metric('webhook_applied_total{provider="square",outcome="dead"}'), 1, 'counted');
  // Its next delivery runs it again.
  t.equal((await deliver(harness, events[3])).outcome, 'revived');
  await harness.applied(endpoint.provider, events[3].eventId);
});

t.test('an event that is dead after its attempts stays dead', async (t) => {
  const { rule } = breakable();
  const harness = await startHarness(t, { rule, attempts: 2, sweep });
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('stripe', firm);
  const event = prepare(harness, endpoint);
  await accepted(harness, event);
  await harness.applied(endpoint.provider, event.eventId, 'dead');
  // Later work of the same pass proves that the sweeper has run.
  await harness.sql(
    "INSERT INTO webhook_bodies VALUES ($1, 'stripe', 'evt_1', '', now() - interval '2 days')",
    [firm],
  );
  await waitUntil(async () => (await swept(harness, 'stripe', 'body_deleted')) === 1, { what: 'a pass' });
  const outcomes = (await harness.attemptsOf(event.eventId)).map(({ outcome }) => outcome);
  t.same(outcomes, ['failed', 'dead']);
});

t.test('orphaned large bodies are deleted, and no others', async (t) => {
  const { state, rule } = breakable();
  state.broken = false;
  const harness = await startHarness(t, { rule, retryScale: 1_000, sweep: { ...sweep, pageSize: 2 } });
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('docusign', firm);
  const [final, failed] = [prepareLarge(harness, endpoint), prepareLarge(harness, endpoint)];
  await accepted(harness, final);
  await harness.applied(endpoint.provider, final.eventId);
  state.broken = true;
  await accepted(harness, failed);
  await harness.applied(endpoint.provider, failed.eventId, 'failed');

  const keep = (eventId: string, age: string) =>
    harness.sql(
      `INSERT INTO webhook_bodies VALUES ($1, 'docusign', $2, 'x', now() - $3::interval)
       ON CONFLICT (provider, event_id, firm_id) DO UPDATE SET created_at = excluded.created_at`,
      [firm, eventId, age],
    );
  await keep('a-young', '1 hour');
  await keep('b-old', '2 days');
  await keep(final.eventId, '1 minute');
  await keep(failed.eventId, '2 days');
  await keep('z-old', '2 days');
  const left = async () =>
    (await harness.sql('SELECT event_id FROM webhook_bodies ORDER BY 1'))
      .map(({ event_id }) => event_id)
      .sort();
  await waitUntil(async () => (await swept(harness, 'docusign', 'body_deleted')) === 3, { what: 'swept' });
  t.same(await left(), ['a-young', failed.eventId].sort());
});

t.test('storing a body again renews its age', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
  const event = prepareLarge(harness, endpoint);
  await accepted(harness, event);
  await harness.sql("UPDATE webhook_bodies SET created_at = now() - interval '2 days'");
  await harness.redis.flushall(); // the receiver had died before it enqueued
  await accepted(harness, event);
  const [row] = await harness.sql(
    "SELECT created_at > now() - interval '1 hour' AS fresh FROM webhook_bodies",
  );
  t.same(row, { fresh: true });
});

t.test('one worker sweeps; when it dies, the next one takes over', async (t) => {
  const harness = await startHarness(t, { workers: 0, sweep });
  const first = await startApp(
    'worker',
    {
      DATABASE_URL: harness.database.url,
      REDIS_URL: harness.redisServer.url,
      SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
      ...testPasswordEnv,
      WORKER_PORT: '0',
      SWEEP_EVERY_MS: '100',
      SWEEP_GRACE_MS: '1',
    },
    { timeoutMs: 90_000 },
  );
  t.teardown(() => first.kill());
  await waitUntil(() => first.logs.some(({ msg }) => msg === 'sweep.started'), { what: 'the first sweeps' });
  await harness.startWorker();
  const second = () => harness.logs.some(({ msg }) => msg === 'sweep.started');
  const locks = () =>
    harness.sql(
      "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );

  // An event that the first sweeper requeues, while the second had many chances.
  const endpoint = await harness.addEndpoint('stripe', null);
  const event = prepare(harness, endpoint, { account: 'acct_1' });
  await accepted(harness, event);
  await harness.sql(
    "INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ('stripe', 'acct_1', $1)",
    [await harness.addFirm()],
  );
  await harness.applied(endpoint.provider, event.eventId);
  t.equal(await swept(harness, 'stripe', 'quarantine_requeued'), 0, 'not by the second');
  t.notOk(second());
  t.equal((await locks()).length, 1);

  await first.kill('SIGKILL');
  await waitUntil(second, { what: 'the second sweeps' });
});

t.test('a frozen worker loses the sweep lock', async (t) => {
  const { database } = await startHarness(t, { receivers: 0, workers: 0 });
  const open = () => {
    const lock = openSweepLock({ databaseUrl: database.url, passwords: testPasswords, idleMs: 500 });
    t.teardown(() => lock.release());
    return lock;
  };
  const [first, second] = [open(), open()];
  t.equal(await first.hold(), true);
  t.equal(await first.hold(), true, 'it keeps it');
  t.equal(await second.hold(), false);
  await waitUntil(() => second.hold(), { what: 'the second has it' });
  await t.rejects(first.hold(), { code: 'store_unavailable' }, 'the first finds out');
});

t.test('sweeping pauses during a store outage, logs it once, and then catches up', async (t) => {
  let way: TcpProxy | undefined;
  const { state, rule } = breakable();
  const harness = await startHarness(t, {
    rule,
    retryScale: 1_000,
    sweep,
    databaseUrl: async (own) => {
      way = await startTcpProxy({ port: Number(new URL(own).port) });
      return way.through(own);
    },
  });
  t.teardown(() => way?.stop());
  const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
  const waits = () => harness.logs.filter(({ msg }) => msg === 'sweep.waiting').length;
  const outages: [() => Promise<void>, () => Promise<void>][] = [
    [
      async () => {
        way?.set('refusing');
        way?.cut();
      },
      async () => way?.set('open'),
    ],
    [() => harness.redisServer.kill(), () => harness.redisServer.restart()],
  ];
  for (const [i, [begin, end]] of outages.entries()) {
    state.broken = true;
    const event = prepare(harness, endpoint);
    await accepted(harness, event);
    await harness.applied(endpoint.provider, event.eventId, 'failed');
    await begin();
    await waitUntil(() => waits() === i + 1, { what: 'it waits' });
    await new Promise((resolve) => setTimeout(resolve, 500)); // time for five more log lines
    t.equal(waits(), i + 1, 'said once');
    state.broken = false;
    await end();
    await waitUntil(() => harness.redis.status === 'ready', { what: 'Redis is there' });
    await harness.redis.flushall();
    await onceFailedThenApplied(t, harness, event);
  }
});

t.test('across firms the worker sees only ids; rows it sees firm by firm', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const [firm, other] = [await harness.addFirm(), await harness.addFirm()];
  const platform = await harness.addEndpoint('stripe', null);
  const event = prepare(harness, platform, { account: 'acct_1' });
  await accepted(harness, event);
  const worker = new pg.Client(
    connectionAs(harness.database.url, 'worker', testPasswords) as pg.ClientConfig,
  );
  worker.on('error', () => undefined);
  await worker.connect();
  t.teardown(() => worker.end());
  const within = async (firmIds: string[], text: string, values: unknown[] = []) => {
    await worker.query(`BEGIN; SELECT set_config('semel.firm_ids', '{${firmIds}}', true)`);
    try {
      return await worker.query(text, values);
    } finally {
      await worker.query('ROLLBACK');
    }
  };
  const read = 'SELECT event_raw FROM webhook_quarantine';
  const mark = "UPDATE webhook_quarantine SET resolved_at = now(), resolution = 'discarded'";
  t.equal((await within([firm, other], read)).rowCount, 0, 'of no firm yet');
  t.equal((await within([], 'SELECT * FROM semel_quarantine_mapped(0, 10)')).rowCount, 0);
  await harness.sql(
    "INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ('stripe', 'acct_1', $1)",
    [firm],
  );
  for (const text of [read, mark]) {
    t.equal((await within([], text)).rowCount, 0, 'nothing without a firm');
    t.equal((await within([other], text)).rowCount, 0, 'nothing for another firm');
    t.equal((await within([firm], text)).rowCount, 1, "the firm's own");
  }
  await t.rejects(within([firm], 'UPDATE webhook_quarantine SET firm_id = $1', [firm]), { code: '42501' });

  await harness.sql(
    `INSERT INTO finance_stripe_webhook_events (firm_id, endpoint_id, stripe_event_id, idempotency_key, event_type, event_raw,
       body_sha256, received_at, outcome) VALUES ($1, $2, 'evt_1', 'stripe:evt_1', 'x', 'secret', '', now() - interval '1 day', 'failed')`,
    [firm, platform.id],
  );
  const looks: [string, unknown[], string[]][] = [
    [
      "SELECT * FROM semel_failed_events($1, 0, '1 second', 10)",
      ['finance_stripe_webhook_events'],
      ['id', 'firm_id', 'idempotency_key'],
    ],
    [
      'SELECT * FROM semel_quarantine_mapped(0, 10)',
      [],
      ['id', 'firm_id', 'firm_slug', 'provider', 'event_id'],
    ],
  ];
  for (const [text, values, columns] of looks) {
    const { rows, fields } = await within([], text, values);
    t.equal(rows.length, 1);
    t.same(
      fields.map(({ name }) => name),
      columns,
    );
  }
  const isForeign = (of: string) =>
    within([], "SELECT semel_event_is_foreign('finance_stripe_webhook_events', 'stripe:evt_1', $1) AS f", [
      of,
    ]);
  t.equal((await isForeign(firm)).rows[0].f, false);
  t.equal((await isForeign(other)).rows[0].f, true);
  for (const table of [
    'webhook_quarantine',
    'webhook_outbox',
    'webhook_spill',
    'firms',
    'pg_authid',
    "x' OR 1",
  ])
    await t.rejects(
      within([firm], "SELECT * FROM semel_failed_events($1, 0, '0', 10)", [table]),
      `${table} is no ledger`,
    );
});
