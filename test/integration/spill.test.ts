import { createHash, randomUUID } from 'node:crypto';
import { providers } from '@semel/providers';
import t, { type Test } from 'tap';
import {
  changingProviders,
  type Harness,
  type HarnessOptions,
  identityOf,
  mainTypeOf,
  startHarness,
  type TestEndpoint,
} from '../support/harness.js';
import { type PreparedEvent, prepare } from '../support/prepare.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { waitUntil } from '../support/wait-until.js';

const budgetMs = 4_000;

async function deliver(harness: Harness, { endpoint, body }: PreparedEvent, receiver = 0) {
  const startedMs = Date.now();
  const sent = await harness.send(endpoint, mainTypeOf(endpoint.provider).type, { body, receiver });
  return { ...sent, tookMs: Date.now() - startedMs };
}

async function endpointPerProvider(harness: Harness): Promise<TestEndpoint[]> {
  const firm = await harness.addFirm();
  const endpoints: TestEndpoint[] = [];
  for (const { name } of providers) endpoints.push(await harness.addEndpoint(name, firm));
  await waitUntil(
    async () =>
      (await Promise.all(endpoints.map((e) => deliver(harness, prepare(harness, e))))).every(
        (s) => s.status === 200,
      ),
    { what: 'the endpoint accepts' },
  );
  return endpoints;
}

async function harnessBehindProxy(t: Test, options: HarnessOptions) {
  let way: TcpProxy | undefined;
  const harness = await startHarness(t, {
    ...options,
    databaseUrl: async (own) => {
      way = await startTcpProxy({ port: Number(new URL(own).port) });
      return way.through(own);
    },
  });
  t.teardown(() => way?.stop());
  return { harness, postgresWay: way as TcpProxy };
}

const spilled = async (harness: Harness) =>
  Number((await harness.sql<{ n: string }>('SELECT count(*) AS n FROM webhook_spill'))[0]?.n);

/** Asserts that each event was applied once by itself, and that the spill is empty. */
async function eachAppliedOnce(t: Test, harness: Harness, events: readonly PreparedEvent[]) {
  for (const { endpoint, eventId } of events) await harness.applied(endpoint.provider, eventId);
  await waitUntil(async () => (await spilled(harness)) === 0, { what: 'the spill is empty' });
  for (const { eventId } of events)
    t.equal((await harness.attemptsOf(eventId)).length, 1, `${eventId} was applied once`);
}

t.test('Redis freezes, then dies: deliveries are spilled in time, and applied without help', async (t) => {
  const harness = await startHarness(t, { budgetMs, spillAgainAfterMs: 1_500 });
  const endpoints = await endpointPerProvider(harness);
  const events: PreparedEvent[] = [];

  for (const fault of ['SIGSTOP', 'SIGKILL'] as const) {
    await harness.redisServer.kill(fault);
    const first = endpoints.map((endpoint) => prepare(harness, endpoint));
    for (const { outcome, tookMs } of await Promise.all(first.map((event) => deliver(harness, event)))) {
      t.equal(outcome, 'spilled', `${fault}: spilled`);
      t.ok(tookMs < budgetMs, `within the budget (${tookMs} ms)`);
    }
    const second = endpoints.map((endpoint) => prepare(harness, endpoint));
    const tries = await Promise.all(second.map((event) => deliver(harness, event)));
    t.same(
      tries.map(({ outcome }) => outcome),
      second.map(() => 'spilled'),
    );
    // The breaker is open: nothing waits for Redis.
    t.ok(
      Math.max(...tries.map(({ tookMs }) => tookMs)) < budgetMs * 0.4,
      `at once (${tries.map(({ tookMs }) => tookMs)})`,
    );
    for (const event of first)
      t.equal((await deliver(harness, event)).outcome, 'duplicate', 'the spill knows it');
    events.push(...first, ...second);

    if (fault === 'SIGKILL') {
      const receiver = await harness.startReceiver(); // while Redis is unreachable
      const third = endpoints.map((endpoint) => prepare(harness, endpoint));
      for (const event of third) t.equal((await deliver(harness, event, receiver)).outcome, 'spilled');
      t.equal((await harness.receivers[receiver]?.inject('/readyz'))?.statusCode, 200, 'one store is enough');
      events.push(...third);
      await harness.redisServer.restart();
    } else await harness.redisServer.kill('SIGCONT');
    await eachAppliedOnce(t, harness, events);
    await waitUntil(
      async () => {
        const event = prepare(harness, endpoints[0] as TestEndpoint);
        return (await deliver(harness, event)).outcome === 'accepted';
      },
      { what: 'the breaker opens by itself' },
    );
  }
  for (const { name } of providers)
    t.ok(
      (await harness.metric(`webhook_received_total{provider="${name}",outcome="spilled"}`)) >= 5,
      'counted',
    );
});

t.test(
  'Redis is nearly full: events are spilled before workers fail, and enqueued when there is room',
  async (t) => {
    const harness = await startHarness(t, { budgetMs, spillAgainAfterMs: 1_500 });
    const endpoints = await endpointPerProvider(harness);
    const used = Number(/used_memory:(\d+)/.exec(await harness.redis.info('memory'))?.[1]);
    await harness.redis.config('SET', 'maxmemory', Math.round(used * 1.2));
    const events: PreparedEvent[] = [];
    await waitUntil(
      async () => {
        const event = prepare(harness, endpoints[0] as TestEndpoint);
        events.push(event);
        return (await deliver(harness, event)).outcome === 'spilled';
      },
      { what: 'the high-water mark is seen' },
    );
    for (const endpoint of endpoints) {
      const event = prepare(harness, endpoint);
      events.push(event);
      t.equal((await deliver(harness, event)).outcome, 'spilled');
    }
    t.not(await spilled(harness), 0, 'the relay does not fill Redis further');
    await harness.redis.config('SET', 'maxmemory', 0);
    await eachAppliedOnce(t, harness, events);
  },
);

t.test('only the queue over its backlog limit spills', async (t) => {
  const harness = await startHarness(t, { budgetMs, workers: 0, backlogLimit: 5 });
  const firm = await harness.addFirm();
  const stripe = await harness.addEndpoint('stripe', firm);
  const square = await harness.addEndpoint('square', firm);
  const events: PreparedEvent[] = [];
  await waitUntil(
    async () => {
      const event = prepare(harness, stripe);
      const { outcome } = await deliver(harness, event);
      if (outcome !== null && outcome !== 'unavailable') events.push(event);
      return outcome === 'spilled';
    },
    { what: 'the backlog is seen' },
  );
  const other = prepare(harness, square);
  t.equal((await deliver(harness, other)).outcome, 'accepted', 'its neighbours do not');
  await harness.startWorker();
  await eachAppliedOnce(t, harness, [...events.slice(1), other]);
});

t.test('both stores unreachable: 503 with Retry-After, and recovery without a restart', async (t) => {
  const { harness, postgresWay } = await harnessBehindProxy(t, { budgetMs });
  const endpoints = await endpointPerProvider(harness);
  await harness.redisServer.kill();
  postgresWay.set('refusing');
  postgresWay.cut();
  const events = endpoints.map((endpoint) => prepare(harness, endpoint));
  for (const sent of await Promise.all(events.map((event) => deliver(harness, event)))) {
    t.equal(sent.status, 503);
    t.equal(sent.outcome, 'unavailable');
    t.ok(sent.headers.has('retry-after'));
    t.ok(sent.tookMs < budgetMs * 2, `in time (${sent.tookMs} ms)`);
  }
  postgresWay.set('open');
  await harness.redisServer.restart();
  for (const event of events)
    await waitUntil(async () => (await deliver(harness, event)).status === 200, {
      what: 'it is acknowledged',
    });
  await eachAppliedOnce(t, harness, events);
});

t.test('durability postgres: acknowledged events survive a flush of Redis', async (t) => {
  const harness = await startHarness(t, {
    budgetMs,
    durability: 'postgres',
    workers: 0,
    spillAgainAfterMs: 1_500,
  });
  const firm = await harness.addFirm();
  const events: PreparedEvent[] = [];
  for (const provider of changingProviders) {
    const endpoint = await harness.addEndpoint(provider.name, firm);
    const event = prepare(harness, endpoint);
    await waitUntil(async () => (await deliver(harness, event)).status === 200, { what: 'acknowledged' });
    events.push(event);
  }
  t.equal(await spilled(harness), events.length, 'committed before the answer');
  await harness.redis.flushall();
  await harness.startWorker();
  await eachAppliedOnce(t, harness, events);

  const late = prepare(harness, events[0]?.endpoint as TestEndpoint);
  t.equal((await deliver(harness, late)).outcome, 'accepted');
  await eachAppliedOnce(t, harness, [late]);
  t.equal(
    await harness.metric('webhook_duplicate_total{provider="stripe",layer="ledger"}'),
    0,
    'a copy is no duplicate',
  );
});

t.test('durability postgres with Postgres unreachable: accepted, and counted as degraded', async (t) => {
  const { harness, postgresWay } = await harnessBehindProxy(t, { budgetMs, durability: 'postgres' });
  const [stripe] = await endpointPerProvider(harness);
  postgresWay.set('refusing');
  postgresWay.cut();
  const event = prepare(harness, stripe as TestEndpoint);
  t.equal((await deliver(harness, event)).outcome, 'accepted');
  t.equal(await harness.metric('webhook_ack_degraded_total{provider="stripe"}'), 1);
  t.ok(harness.logs.some(({ msg, eventId }) => msg === 'ack.degraded' && eventId === event.eventId));
  postgresWay.set('open');
  await eachAppliedOnce(t, harness, [event]);
});

t.test('a large body passes through the spill byte by byte', async (t) => {
  const harness = await startHarness(t, { budgetMs, spillAgainAfterMs: 1_500 });
  const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
  await waitUntil(async () => (await deliver(harness, prepare(harness, endpoint))).status === 200, {
    what: 'the endpoint accepts',
  });
  const prepared = prepare(harness, endpoint);
  const small = JSON.parse(prepared.body.toString());
  small.data.envelopeId = randomUUID();
  small.data.envelopeSummary.padding = 'ü'.repeat(200_000);
  const body = Buffer.from(JSON.stringify(small));
  const { eventId } = identityOf(endpoint.provider, body, null);
  const event = { ...prepared, body, eventId };
  await harness.redisServer.kill('SIGSTOP');
  t.equal((await deliver(harness, event)).outcome, 'spilled');
  await harness.redisServer.kill('SIGCONT');
  await eachAppliedOnce(t, harness, [event]);
  const [row] = await harness.sql<{ event_raw: Buffer; body_sha256: string }>(
    'SELECT event_raw, body_sha256 FROM esignature_webhook_events WHERE event_id = $1',
    [eventId],
  );
  t.ok(row?.event_raw.equals(body));
  t.equal(row?.body_sha256, createHash('sha256').update(body).digest('hex'));
});

t.test(
  'an id signed by two firms while Redis is unreachable: one is applied, the other quarantined',
  async (t) => {
    const harness = await startHarness(t, { budgetMs, spillAgainAfterMs: 1_500 });
    const firms = [await harness.addFirm(), await harness.addFirm()];
    const endpoints = [
      await harness.addEndpoint('square', firms[0] as string),
      await harness.addEndpoint('square', firms[1] as string),
    ];
    for (const endpoint of endpoints)
      await waitUntil(async () => (await deliver(harness, prepare(harness, endpoint))).status === 200, {
        what: 'the endpoint accepts',
      });
    await harness.redisServer.kill('SIGSTOP');
    const event = prepare(harness, endpoints[0] as TestEndpoint);
    for (const endpoint of endpoints)
      t.equal((await deliver(harness, { ...event, endpoint })).outcome, 'spilled');
    await harness.redisServer.kill('SIGCONT');
    await eachAppliedOnce(t, harness, [event]);
    const [ledger] = await harness.sql(
      'SELECT firm_id FROM finance_square_webhook_events WHERE square_event_id = $1',
      [event.eventId],
    );
    const [aside] = await harness.sql('SELECT firm_id, reason FROM webhook_quarantine WHERE event_id = $1', [
      event.eventId,
    ]);
    t.same(new Set([ledger?.firm_id, aside?.firm_id]), new Set(firms), 'each firm has its own, in one place');
    t.equal(aside?.reason, 'owner_collision');
  },
);

t.test('an event that dies after the spill stays dead, and leaves the spill table', async (t) => {
  const harness = await startHarness(t, {
    budgetMs,
    attempts: 2,
    durability: 'postgres',
    spillAgainAfterMs: 300,
    rule: (provider) => ({
      ...provider,
      changesOf: () => {
        throw new Error('a rule that is wrong');
      },
    }),
  });
  const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
  const event = prepare(harness, endpoint);
  await waitUntil(async () => (await deliver(harness, event)).status === 200, { what: 'acknowledged' });
  await harness.applied(endpoint.provider, event.eventId, 'dead');
  await waitUntil(async () => (await spilled(harness)) === 0, { what: 'the spill is empty' });
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // enough for three more relay passes
  t.same(
    (await harness.attemptsOf(event.eventId)).map(({ outcome }) => outcome),
    ['failed', 'dead'],
  );
});

t.test('durability postgres: a duplicate writes the missing Postgres copy of a queued event', async (t) => {
  const { harness, postgresWay } = await harnessBehindProxy(t, {
    budgetMs: 3_000,
    durability: 'postgres',
    workers: 0,
    spillAgainAfterMs: 1_500,
  });
  const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
  await waitUntil(async () => (await deliver(harness, prepare(harness, endpoint))).status === 200, {
    what: 'the endpoint accepts',
  });
  const event = prepare(harness, endpoint);
  postgresWay.set('dead'); // Postgres hangs: the budget runs out, and the event is enqueued without a copy
  t.equal((await deliver(harness, event)).status, 503);
  await waitUntil(
    async () => (await harness.redis.get(`{semel:stripe}:claim:${event.eventId}`))?.startsWith('queued'),
    { what: 'the late enqueue has confirmed' },
  );
  t.same(await harness.sql('SELECT FROM webhook_spill WHERE event_id = $1', [event.eventId]), []);
  postgresWay.set('refusing');
  postgresWay.cut();
  t.equal((await deliver(harness, event)).outcome, 'duplicate');
  t.equal(
    await harness.metric('webhook_ack_degraded_total{provider="stripe"}'),
    1,
    'it is said that it has none',
  );

  postgresWay.set('open');
  await waitUntil(
    async () => {
      await deliver(harness, event);
      return (
        (await harness.sql('SELECT FROM webhook_spill WHERE event_id = $1', [event.eventId])).length === 1
      );
    },
    { what: 'a duplicate has brought the copy' },
  );
  await harness.redis.flushall();
  await harness.startWorker();
  await eachAppliedOnce(t, harness, [event]);
});
