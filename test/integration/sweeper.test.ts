import { randomUUID } from 'node:crypto';
import { connectionAs, encryptionKey, openSweepLock } from '@semel/database';
import { providers } from '@semel/providers';
import { openQueue, prefixOf, queueKey } from '@semel/queue';
import { UnrecoverableError, Worker } from 'bullmq';
import pg from 'pg';
import t, { type Test } from 'tap';
import { startApp } from '../support/apps.js';
import { testEncryptionKey } from '../support/servers.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { waitUntil } from '../support/wait-until.js';
import {
  createWorld,
  identityOf,
  mainTypeOf,
  type TestEndpoint,
  type World,
  type WorldOptions,
} from '../support/world.js';

// What was begun and does not go on by itself is found, and goes on; what goes on by itself is left alone.

const sweep = { everyMs: 100, graceMs: 1 };
const key = encryptionKey(testEncryptionKey);

interface Event {
  endpoint: TestEndpoint;
  body: Buffer;
  eventId: string;
}

function prepare(world: World, endpoint: TestEndpoint, account: string | null = null): Event {
  const { body, channel } = world.buildBody(endpoint, mainTypeOf(endpoint.provider).type, { account });
  return { endpoint, body, eventId: identityOf(endpoint.provider, body, channel).eventId };
}

function prepareLarge(world: World, endpoint: TestEndpoint): Event {
  const small = JSON.parse(prepare(world, endpoint).body.toString());
  small.data.envelopeId = randomUUID();
  small.data.envelopeSummary.padding = 'ü'.repeat(100_000);
  const body = Buffer.from(JSON.stringify(small));
  return { endpoint, body, eventId: identityOf(endpoint.provider, body, null).eventId };
}

const deliver = (world: World, { endpoint, body }: Event) =>
  world.send(endpoint, mainTypeOf(endpoint.provider).type, { body });

/** Until the receiver knows the endpoint. */
const accepted = (world: World, event: Event) =>
  waitUntil(async () => (await deliver(world, event)).status === 200, { what: `${event.eventId} is taken` });

const swept = (world: World, provider: string, result: string) =>
  world.metric(`webhook_swept_total{provider="${provider}",result="${result}"}`, world.workers);

/** A rule that fails while it is broken. */
function breakable() {
  const state = { broken: true };
  const rule: WorldOptions['rule'] = (provider) => ({
    ...provider,
    changesOf: (...given) => {
      if (state.broken) throw new Error('a rule that is wrong');
      return provider.changesOf(...given);
    },
  });
  return { state, rule };
}

async function onceFailedThenApplied(t: Test, world: World, { endpoint, eventId }: Event) {
  await world.applied(endpoint.provider, eventId);
  const outcomes = (await world.attemptsOf(eventId)).map(({ outcome }) => outcome);
  t.same(outcomes, ['failed', mainTypeOf(endpoint.provider).outcome], eventId);
}

t.test('failed events whose job is gone run again, and those that wait for their turn do not', async (t) => {
  const { state, rule } = breakable();
  const world = await createWorld(t, { rule, retryScale: 1_000, sweep: { ...sweep, pageSize: 2 } });
  const firm = await world.addFirm();
  const events: Event[] = [];
  for (const { name } of providers) {
    const endpoint = await world.addEndpoint(name, firm);
    for (let i = 0; i < 3; i++) events.push(prepare(world, endpoint));
    if (name === 'docusign') events.push(prepareLarge(world, endpoint));
  }
  for (const event of events) await accepted(world, event);
  for (const { endpoint, eventId } of events) await world.applied(endpoint.provider, eventId, 'failed');
  state.broken = false;

  // One of them loses its job: it is the only one that is touched.
  const alone = events.filter(({ endpoint }) => endpoint.provider.name === 'stripe').at(-1) as Event;
  const queue = openQueue(world.redis, 'stripe');
  await waitUntil(async () => (await queue.getDelayedCount()) === 3, { what: 'all wait for their turn' });
  await queue.remove(alone.eventId);
  await queue.close();
  await onceFailedThenApplied(t, world, alone);
  t.equal(await swept(world, 'stripe', 'failed_requeued'), 1);
  t.equal(await world.redis.zcard(queueKey('stripe', 'delayed')), 2, 'the others still wait');
  t.ok(
    world.logs.some(
      ({ msg, eventId, level }) => msg === 'sweep.healed' && eventId === alone.eventId && level,
    ),
  );

  await world.redis.flushall();
  for (const event of events) await onceFailedThenApplied(t, world, event);
  t.equal(await swept(world, 'docusign', 'failed_requeued'), 4);
});

t.test('an event of an unknown account is released for its firm as soon as there is one', async (t) => {
  const world = await createWorld(t, { sweep });
  const firm = await world.addFirm();
  const other = await world.addFirm();
  const platform = await world.addEndpoint('stripe', null);
  const otherEndpoint = await world.addEndpoint('stripe', other);
  const [mapped, unmapped] = ['acct_1Mapped', 'acct_1Unmapped'];
  const waiting = prepare(world, platform, mapped);
  const taken = prepare(world, platform, mapped);
  const stays = prepare(world, platform, unmapped);
  for (const event of [waiting, taken, stays]) {
    await accepted(world, event);
    t.equal((await deliver(world, event)).outcome, 'quarantined');
  }
  // The other firm has an event of the same id, signed with its own secret.
  await accepted(world, { ...taken, endpoint: otherEndpoint });
  await world.applied(platform.provider, taken.eventId);

  const queue = openQueue(world.redis, 'stripe');
  await queue.pause();
  await world.sql("INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ('stripe', $1, $2)", [
    mapped,
    firm,
  ]);
  await waitUntil(async () => (await swept(world, 'stripe', 'quarantine_requeued')) >= 2, {
    what: 'both armed',
  });
  const rowOf = async ({ eventId }: Event) =>
    (
      await world.sql('SELECT resolved_at, resolution FROM webhook_quarantine WHERE event_id = $1', [eventId])
    )[0];
  t.equal((await rowOf(waiting))?.resolved_at, null, 'not marked before the ledger has it');
  await queue.close();
  await world.redis.flushall(); // the jobs are lost, the queue is no longer paused

  const [{ slug } = { slug: '' }] = await world.sql<{ slug: string }>(
    'SELECT slug FROM firms WHERE id = $1',
    [firm],
  );
  const ids = [waiting.eventId, `${taken.eventId}~${slug}`];
  for (const id of ids) {
    const row = await world.applied(platform.provider, id);
    t.equal(row.firm_id, firm, 'for the firm of the account');
    t.equal((await world.attemptsOf(id)).length, 1, 'once');
  }
  for (const event of [waiting, taken])
    await waitUntil(async () => (await rowOf(event))?.resolution === 'released by the sweeper', {
      what: 'marked',
    });
  t.equal((await world.applied(platform.provider, taken.eventId)).firm_id, other, "the other firm's stays");
  t.equal((await rowOf(stays))?.resolved_at, null, 'an account that is still unknown waits');
  t.equal(await swept(world, 'stripe', 'quarantine_released'), 2);
  t.equal(await swept(world, 'stripe', 'refused'), 0);
});

t.test('an id of another firm is never released without an operator', async (t) => {
  const world = await createWorld(t, { sweep });
  const endpoints = [
    await world.addEndpoint('square', await world.addFirm()),
    await world.addEndpoint('square', await world.addFirm()),
  ] as [TestEndpoint, TestEndpoint];
  const event = prepare(world, endpoints[0]);
  for (const endpoint of endpoints) await accepted(world, { ...event, endpoint });
  await world.sql('UPDATE webhook_quarantine SET account = $1', ['M1']);
  await world.sql("INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ('square', 'M1', $1)", [
    endpoints[1].firmId,
  ]);
  // A row that is to be released comes behind it, and when that is done, this one was looked at.
  const behind = prepare(world, await world.addEndpoint('square', null), 'M1-later');
  await waitUntil(async () => (await deliver(world, behind)).outcome === 'quarantined', { what: 'aside' });
  await world.sql(
    "INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ('square', 'M1-later', $1)",
    [endpoints[1].firmId],
  );
  await world.applied(behind.endpoint.provider, behind.eventId);
  const rows = await world.sql("SELECT resolved_at FROM webhook_quarantine WHERE reason = 'owner_collision'");
  t.same(rows, [{ resolved_at: null }]);
});

t.test(
  'jobs that the queue failed by itself: run again, or dead where they kill their workers',
  async (t) => {
    const world = await createWorld(t, { workers: 0, attempts: 1, sweep: { ...sweep, pageSize: 2 } });
    const endpoint = await world.addEndpoint('square', await world.addFirm());
    const events = Array.from({ length: 4 }, () => prepare(world, endpoint)) as [Event, Event, Event, Event];
    const connection = { url: world.redisServer.url };
    const shared = { connection, prefix: prefixOf('square'), skipStalledCheck: true };
    const failedBy = (what: string, workers: Worker[], { eventId }: Event) =>
      waitUntil(async () => (await world.redis.zscore(queueKey('square', 'failed'), eventId)) !== null, {
        what,
      }).finally(() => Promise.all(workers.map((worker) => worker.close(true))));

    // Failed, and nobody wrote it down.
    for (const event of events.slice(0, 3)) await accepted(world, event);
    const failing: Worker = new Worker(
      'square',
      () => Promise.reject(new UnrecoverableError('Connection is closed.')),
      shared,
    );
    await failedBy('all failed', [failing], events[2]);
    // Stalled out: its worker is hanging, and the next one gives it up.
    await accepted(world, events[3]);
    const hanging: Worker = new Worker('square', () => new Promise(() => undefined), {
      ...shared,
      lockDuration: 200,
      skipLockRenewal: true,
    });
    hanging.on('error', () => undefined);
    await waitUntil(async () => (await world.redis.llen(queueKey('square', 'active'))) === 1, {
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

    await world.startWorker();
    for (const { eventId } of events.slice(0, 3)) {
      await world.applied(endpoint.provider, eventId);
      t.equal((await world.attemptsOf(eventId)).length, 1);
    }
    const dead = await world.applied(endpoint.provider, events[3].eventId, 'dead');
    t.match(dead.last_error as string, /job_lost/);
    t.equal(await swept(world, 'square', 'lost_requeued'), 3);
    t.equal(await swept(world, 'square', 'lost_recorded'), 1);
    t.equal(await world.metric('webhook_applied_total{provider="square",outcome="dead"}'), 1, 'counted');
    // Its next delivery gives it another run.
    t.equal((await deliver(world, events[3])).outcome, 'revived');
    await world.applied(endpoint.provider, events[3].eventId);
  },
);

t.test('what died by itself stays dead', async (t) => {
  const { rule } = breakable();
  const world = await createWorld(t, { rule, attempts: 2, sweep });
  const firm = await world.addFirm();
  const endpoint = await world.addEndpoint('stripe', firm);
  const event = prepare(world, endpoint);
  await accepted(world, event);
  await world.applied(endpoint.provider, event.eventId, 'dead');
  // Another kind of work that comes later in a pass shows that the sweeper was there.
  await world.sql(
    "INSERT INTO webhook_bodies VALUES ($1, 'stripe', 'evt_1', '', now() - interval '2 days')",
    [firm],
  );
  await waitUntil(async () => (await swept(world, 'stripe', 'body_deleted')) === 1, { what: 'a pass' });
  const outcomes = (await world.attemptsOf(event.eventId)).map(({ outcome }) => outcome);
  t.same(outcomes, ['failed', 'dead']);
});

t.test('large bodies that nobody will ask for are deleted, and no others', async (t) => {
  const { state, rule } = breakable();
  state.broken = false;
  const world = await createWorld(t, { rule, retryScale: 1_000, sweep: { ...sweep, pageSize: 2 } });
  const firm = await world.addFirm();
  const endpoint = await world.addEndpoint('docusign', firm);
  const [final, failed] = [prepareLarge(world, endpoint), prepareLarge(world, endpoint)];
  await accepted(world, final);
  await world.applied(endpoint.provider, final.eventId);
  state.broken = true;
  await accepted(world, failed);
  await world.applied(endpoint.provider, failed.eventId, 'failed');

  const keep = (eventId: string, age: string) =>
    world.sql(
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
    (await world.sql('SELECT event_id FROM webhook_bodies ORDER BY 1'))
      .map(({ event_id }) => event_id)
      .sort();
  await waitUntil(async () => (await swept(world, 'docusign', 'body_deleted')) === 3, { what: 'swept' });
  t.same(await left(), ['a-young', failed.eventId].sort());
});

t.test('a body that is stored again is new again', async (t) => {
  const world = await createWorld(t, { workers: 0 });
  const endpoint = await world.addEndpoint('docusign', await world.addFirm());
  const event = prepareLarge(world, endpoint);
  await accepted(world, event);
  await world.sql("UPDATE webhook_bodies SET created_at = now() - interval '2 days'");
  await world.redis.flushall(); // the receiver had died before it enqueued
  await accepted(world, event);
  const [row] = await world.sql("SELECT created_at > now() - interval '1 hour' AS fresh FROM webhook_bodies");
  t.same(row, { fresh: true });
});

t.test('one worker sweeps; when it is killed, the next one does', async (t) => {
  const world = await createWorld(t, { workers: 0, sweep });
  const first = await startApp(
    'worker',
    {
      DATABASE_URL: world.database.url,
      REDIS_URL: world.redisServer.url,
      SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
      WORKER_PORT: '0',
      SWEEP_EVERY_MS: '100',
      SWEEP_GRACE_MS: '1',
    },
    { timeoutMs: 90_000 },
  );
  t.teardown(() => first.kill());
  await waitUntil(() => first.logs.some(({ msg }) => msg === 'sweep.started'), { what: 'the first sweeps' });
  await world.startWorker();
  const second = () => world.logs.some(({ msg }) => msg === 'sweep.started');
  const locks = () =>
    world.sql(
      "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );

  // An event that the first one heals: the second had many turns meanwhile.
  const endpoint = await world.addEndpoint('stripe', null);
  const event = prepare(world, endpoint, 'acct_1');
  await accepted(world, event);
  await world.sql(
    "INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ('stripe', 'acct_1', $1)",
    [await world.addFirm()],
  );
  await world.applied(endpoint.provider, event.eventId);
  t.equal(await swept(world, 'stripe', 'quarantine_requeued'), 0, 'not by the second');
  t.notOk(second());
  t.equal((await locks()).length, 1);

  await first.kill('SIGKILL');
  await waitUntil(second, { what: 'the second sweeps' });
});

t.test('a frozen holder loses the lock', async (t) => {
  const { database } = await createWorld(t, { receivers: 0, workers: 0 });
  const open = () => {
    const lock = openSweepLock({ databaseUrl: database.url, encryptionKey: key, idleMs: 500 });
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

t.test('nothing while a store is away, said once; then all of it', async (t) => {
  let way: TcpProxy | undefined;
  const { state, rule } = breakable();
  const world = await createWorld(t, {
    rule,
    retryScale: 1_000,
    sweep,
    databaseUrl: async (own) => {
      way = await startTcpProxy({ port: Number(new URL(own).port) });
      return way.through(own);
    },
  });
  t.teardown(() => way?.stop());
  const endpoint = await world.addEndpoint('stripe', await world.addFirm());
  const waits = () => world.logs.filter(({ msg }) => msg === 'sweep.waiting').length;
  const outages: [() => Promise<void>, () => Promise<void>][] = [
    [
      async () => {
        way?.set('refusing');
        way?.cut();
      },
      async () => way?.set('open'),
    ],
    [() => world.redisServer.kill(), () => world.redisServer.restart()],
  ];
  for (const [i, [begin, end]] of outages.entries()) {
    state.broken = true;
    const event = prepare(world, endpoint);
    await accepted(world, event);
    await world.applied(endpoint.provider, event.eventId, 'failed');
    await begin();
    await waitUntil(() => waits() === i + 1, { what: 'it waits' });
    await new Promise((resolve) => setTimeout(resolve, 500)); // it would have said so five times
    t.equal(waits(), i + 1, 'said once');
    state.broken = false;
    await end();
    await waitUntil(() => world.redis.status === 'ready', { what: 'Redis is there' });
    await world.redis.flushall();
    await onceFailedThenApplied(t, world, event);
  }
});

t.test('across firms the worker sees ids, and in a firm only what is its own', async (t) => {
  const world = await createWorld(t, { workers: 0 });
  const [firm, other] = [await world.addFirm(), await world.addFirm()];
  const platform = await world.addEndpoint('stripe', null);
  const event = prepare(world, platform, 'acct_1');
  await accepted(world, event);
  const worker = new pg.Client(connectionAs(world.database.url, 'worker', key) as pg.ClientConfig);
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
  await world.sql(
    "INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ('stripe', 'acct_1', $1)",
    [firm],
  );
  for (const text of [read, mark]) {
    t.equal((await within([], text)).rowCount, 0, 'nothing without a firm');
    t.equal((await within([other], text)).rowCount, 0, 'nothing for another firm');
    t.equal((await within([firm], text)).rowCount, 1, "the firm's own");
  }
  await t.rejects(within([firm], 'UPDATE webhook_quarantine SET firm_id = $1', [firm]), { code: '42501' });

  await world.sql(
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
