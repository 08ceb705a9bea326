import { createHash, randomUUID } from 'node:crypto';
import { providers } from '@semel/providers';
import t, { type Test } from 'tap';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { waitUntil } from '../support/wait-until.js';
import {
  changingProviders,
  createWorld,
  identityOf,
  mainTypeOf,
  type TestEndpoint,
  type World,
  type WorldOptions,
} from '../support/world.js';

const budgetMs = 4_000;

interface Event {
  endpoint: TestEndpoint;
  body: Buffer;
  eventId: string;
}

function prepare(world: World, endpoint: TestEndpoint, overrides?: Record<string, unknown>): Event {
  const { body, channel } = world.buildBody(
    endpoint,
    mainTypeOf(endpoint.provider).type,
    overrides ? { overrides } : {},
  );
  return { endpoint, body, eventId: identityOf(endpoint.provider, body, channel).eventId };
}

async function deliver(world: World, { endpoint, body }: Event, receiver = 0) {
  const startedMs = Date.now();
  const sent = await world.send(endpoint, mainTypeOf(endpoint.provider).type, { body, receiver });
  return { ...sent, tookMs: Date.now() - startedMs };
}

async function endpointPerProvider(world: World): Promise<TestEndpoint[]> {
  const firm = await world.addFirm();
  const endpoints: TestEndpoint[] = [];
  for (const { name } of providers) endpoints.push(await world.addEndpoint(name, firm));
  await waitUntil(
    async () =>
      (await Promise.all(endpoints.map((e) => deliver(world, prepare(world, e))))).every(
        (s) => s.status === 200,
      ),
    { what: 'all is well' },
  );
  return endpoints;
}

async function worldBehindProxy(t: Test, options: WorldOptions) {
  let way: TcpProxy | undefined;
  const world = await createWorld(t, {
    ...options,
    databaseUrl: async (own) => {
      way = await startTcpProxy({ port: Number(new URL(own).port) });
      return way.through(own);
    },
  });
  t.teardown(() => way?.stop());
  return { world, postgresWay: way as TcpProxy };
}

const spilled = async (world: World) =>
  Number((await world.sql<{ n: string }>('SELECT count(*) AS n FROM webhook_spill'))[0]?.n);

/** Applied without help, once, and nothing is left over. */
async function eachAppliedOnce(t: Test, world: World, events: readonly Event[]) {
  for (const { endpoint, eventId } of events) await world.applied(endpoint.provider, eventId);
  await waitUntil(async () => (await spilled(world)) === 0, { what: 'the spill is empty' });
  for (const { eventId } of events)
    t.equal((await world.attemptsOf(eventId)).length, 1, `${eventId} was applied once`);
}

t.test('Redis frozen, then killed: 200 spilled in time, and all is applied by itself', async (t) => {
  const world = await createWorld(t, { budgetMs, spillAgainAfterMs: 1_500 });
  const endpoints = await endpointPerProvider(world);
  const events: Event[] = [];

  for (const fault of ['SIGSTOP', 'SIGKILL'] as const) {
    await world.redisServer.kill(fault);
    const first = endpoints.map((endpoint) => prepare(world, endpoint));
    for (const { outcome, tookMs } of await Promise.all(first.map((event) => deliver(world, event)))) {
      t.equal(outcome, 'spilled', `${fault}: spilled`);
      t.ok(tookMs < budgetMs, `within the budget (${tookMs} ms)`);
    }
    const second = endpoints.map((endpoint) => prepare(world, endpoint));
    const tries = await Promise.all(second.map((event) => deliver(world, event)));
    t.same(
      tries.map(({ outcome }) => outcome),
      second.map(() => 'spilled'),
    );
    // The breaker is open: no one waits for Redis any more.
    t.ok(
      Math.max(...tries.map(({ tookMs }) => tookMs)) < budgetMs * 0.4,
      `at once (${tries.map(({ tookMs }) => tookMs)})`,
    );
    for (const event of first)
      t.equal((await deliver(world, event)).outcome, 'duplicate', 'the spill knows it');
    events.push(...first, ...second);

    if (fault === 'SIGKILL') {
      const receiver = await world.startReceiver(); // while Redis is away
      const third = endpoints.map((endpoint) => prepare(world, endpoint));
      for (const event of third) t.equal((await deliver(world, event, receiver)).outcome, 'spilled');
      t.equal((await world.receivers[receiver]?.inject('/readyz'))?.statusCode, 200, 'one store is enough');
      events.push(...third);
      await world.redisServer.restart();
    } else await world.redisServer.kill('SIGCONT');
    await eachAppliedOnce(t, world, events);
    await waitUntil(
      async () => {
        const event = prepare(world, endpoints[0] as TestEndpoint);
        return (await deliver(world, event)).outcome === 'accepted';
      },
      { what: 'the breaker opens by itself' },
    );
  }
  for (const { name } of providers)
    t.ok(
      (await world.metric(`webhook_received_total{provider="${name}",outcome="spilled"}`)) >= 5,
      'counted',
    );
});

t.test(
  'Redis is nearly full: events spill before workers choke, and go through when there is room',
  async (t) => {
    const world = await createWorld(t, { budgetMs, spillAgainAfterMs: 1_500 });
    const endpoints = await endpointPerProvider(world);
    const used = Number(/used_memory:(\d+)/.exec(await world.redis.info('memory'))?.[1]);
    await world.redis.config('SET', 'maxmemory', Math.round(used * 1.2));
    const events: Event[] = [];
    await waitUntil(
      async () => {
        const event = prepare(world, endpoints[0] as TestEndpoint);
        events.push(event);
        return (await deliver(world, event)).outcome === 'spilled';
      },
      { what: 'the high-water mark is seen' },
    );
    for (const endpoint of endpoints) {
      const event = prepare(world, endpoint);
      events.push(event);
      t.equal((await deliver(world, event)).outcome, 'spilled');
    }
    t.not(await spilled(world), 0, 'the relay does not fill Redis further');
    await world.redis.config('SET', 'maxmemory', 0);
    await eachAppliedOnce(t, world, events);
  },
);

t.test('a queue that is too long spills, and only that one', async (t) => {
  const world = await createWorld(t, { budgetMs, workers: 0, backlogLimit: 5 });
  const firm = await world.addFirm();
  const stripe = await world.addEndpoint('stripe', firm);
  const square = await world.addEndpoint('square', firm);
  const events: Event[] = [];
  await waitUntil(
    async () => {
      const event = prepare(world, stripe);
      const { outcome } = await deliver(world, event);
      if (outcome !== null && outcome !== 'unavailable') events.push(event);
      return outcome === 'spilled';
    },
    { what: 'the backlog is seen' },
  );
  const other = prepare(world, square);
  t.equal((await deliver(world, other)).outcome, 'accepted', 'its neighbours do not');
  await world.startWorker();
  await eachAppliedOnce(t, world, [...events.slice(1), other]);
});

t.test('both stores away: 503 with Retry-After, and well again without a restart', async (t) => {
  const { world, postgresWay } = await worldBehindProxy(t, { budgetMs });
  const endpoints = await endpointPerProvider(world);
  await world.redisServer.kill();
  postgresWay.set('refusing');
  postgresWay.cut();
  const events = endpoints.map((endpoint) => prepare(world, endpoint));
  for (const sent of await Promise.all(events.map((event) => deliver(world, event)))) {
    t.equal(sent.status, 503);
    t.equal(sent.outcome, 'unavailable');
    t.ok(sent.headers.has('retry-after'));
    t.ok(sent.tookMs < budgetMs * 2, `in time (${sent.tookMs} ms)`);
  }
  postgresWay.set('open');
  await world.redisServer.restart();
  for (const event of events)
    await waitUntil(async () => (await deliver(world, event)).status === 200, { what: 'it is acknowledged' });
  await eachAppliedOnce(t, world, events);
});

t.test('durability postgres: what was acknowledged outlives a flushed Redis', async (t) => {
  const world = await createWorld(t, {
    budgetMs,
    durability: 'postgres',
    workers: 0,
    spillAgainAfterMs: 1_500,
  });
  const firm = await world.addFirm();
  const events: Event[] = [];
  for (const provider of changingProviders) {
    const endpoint = await world.addEndpoint(provider.name, firm);
    const event = prepare(world, endpoint);
    await waitUntil(async () => (await deliver(world, event)).status === 200, { what: 'acknowledged' });
    events.push(event);
  }
  t.equal(await spilled(world), events.length, 'committed before the answer');
  await world.redis.flushall();
  await world.startWorker();
  await eachAppliedOnce(t, world, events);

  const late = prepare(world, events[0]?.endpoint as TestEndpoint);
  t.equal((await deliver(world, late)).outcome, 'accepted');
  await eachAppliedOnce(t, world, [late]);
  t.equal(
    await world.metric('webhook_duplicate_total{provider="stripe",layer="ledger"}'),
    0,
    'a copy is no duplicate',
  );
});

t.test('durability postgres with Postgres away: accepted all the same, counted as degraded', async (t) => {
  const { world, postgresWay } = await worldBehindProxy(t, { budgetMs, durability: 'postgres' });
  const [stripe] = await endpointPerProvider(world);
  postgresWay.set('refusing');
  postgresWay.cut();
  const event = prepare(world, stripe as TestEndpoint);
  t.equal((await deliver(world, event)).outcome, 'accepted');
  t.equal(await world.metric('webhook_ack_degraded_total{provider="stripe"}'), 1);
  t.ok(world.logs.some(({ msg, eventId }) => msg === 'ack.degraded' && eventId === event.eventId));
  postgresWay.set('open');
  await eachAppliedOnce(t, world, [event]);
});

t.test('a large body keeps every byte on its way through the spill', async (t) => {
  const world = await createWorld(t, { budgetMs, spillAgainAfterMs: 1_500 });
  const endpoint = await world.addEndpoint('docusign', await world.addFirm());
  await waitUntil(async () => (await deliver(world, prepare(world, endpoint))).status === 200, {
    what: 'all is well',
  });
  const small = JSON.parse(prepare(world, endpoint).body.toString());
  small.data.envelopeId = randomUUID();
  small.data.envelopeSummary.padding = 'ü'.repeat(200_000);
  const body = Buffer.from(JSON.stringify(small));
  const { eventId } = identityOf(endpoint.provider, body, null);
  await world.redisServer.kill('SIGSTOP');
  t.equal((await deliver(world, { endpoint, body, eventId })).outcome, 'spilled');
  await world.redisServer.kill('SIGCONT');
  await eachAppliedOnce(t, world, [{ endpoint, body, eventId }]);
  const [row] = await world.sql<{ event_raw: Buffer; body_sha256: string }>(
    'SELECT event_raw, body_sha256 FROM esignature_webhook_events WHERE event_id = $1',
    [eventId],
  );
  t.ok(row?.event_raw.equals(body));
  t.equal(row?.body_sha256, createHash('sha256').update(body).digest('hex'));
});

t.test(
  'one id, signed by two firms while Redis is away: one is applied, the other is in quarantine',
  async (t) => {
    const world = await createWorld(t, { budgetMs, spillAgainAfterMs: 1_500 });
    const firms = [await world.addFirm(), await world.addFirm()];
    const endpoints = [
      await world.addEndpoint('square', firms[0] as string),
      await world.addEndpoint('square', firms[1] as string),
    ];
    for (const endpoint of endpoints)
      await waitUntil(async () => (await deliver(world, prepare(world, endpoint))).status === 200, {
        what: 'all is well',
      });
    await world.redisServer.kill('SIGSTOP');
    const event = prepare(world, endpoints[0] as TestEndpoint);
    for (const endpoint of endpoints)
      t.equal((await deliver(world, { ...event, endpoint })).outcome, 'spilled');
    await world.redisServer.kill('SIGCONT');
    await eachAppliedOnce(t, world, [event]);
    const [ledger] = await world.sql(
      'SELECT firm_id FROM finance_square_webhook_events WHERE square_event_id = $1',
      [event.eventId],
    );
    const [aside] = await world.sql('SELECT firm_id, reason FROM webhook_quarantine WHERE event_id = $1', [
      event.eventId,
    ]);
    t.same(new Set([ledger?.firm_id, aside?.firm_id]), new Set(firms), 'each firm has its own, in one place');
    t.equal(aside?.reason, 'owner_collision');
  },
);

t.test('an event that dies after the spill stays dead, and is no row of the spill any more', async (t) => {
  const world = await createWorld(t, {
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
  const endpoint = await world.addEndpoint('stripe', await world.addFirm());
  const event = prepare(world, endpoint);
  await waitUntil(async () => (await deliver(world, event)).status === 200, { what: 'acknowledged' });
  await world.applied(endpoint.provider, event.eventId, 'dead');
  await waitUntil(async () => (await spilled(world)) === 0, { what: 'the spill is empty' });
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // it would have been looked at again three times
  t.same(
    (await world.attemptsOf(event.eventId)).map(({ outcome }) => outcome),
    ['failed', 'dead'],
  );
});

t.test(
  'durability postgres: a duplicate of an event that is in the queue alone brings the copy',
  async (t) => {
    const { world, postgresWay } = await worldBehindProxy(t, {
      budgetMs: 3_000,
      durability: 'postgres',
      workers: 0,
      spillAgainAfterMs: 1_500,
    });
    const endpoint = await world.addEndpoint('stripe', await world.addFirm());
    await waitUntil(async () => (await deliver(world, prepare(world, endpoint))).status === 200, {
      what: 'all is well',
    });
    const event = prepare(world, endpoint);
    postgresWay.set('dead'); // Postgres hangs: the budget runs out, and what was begun goes on without a copy
    t.equal((await deliver(world, event)).status, 503);
    await waitUntil(
      async () => (await world.redis.get(`{semel:stripe}:claim:${event.eventId}`))?.startsWith('queued'),
      { what: 'the late enqueue has confirmed' },
    );
    t.same(await world.sql('SELECT FROM webhook_spill WHERE event_id = $1', [event.eventId]), []);
    postgresWay.set('refusing');
    postgresWay.cut();
    t.equal((await deliver(world, event)).outcome, 'duplicate');
    t.equal(
      await world.metric('webhook_ack_degraded_total{provider="stripe"}'),
      1,
      'it is said that it has none',
    );

    postgresWay.set('open');
    await waitUntil(
      async () => {
        await deliver(world, event);
        return (
          (await world.sql('SELECT FROM webhook_spill WHERE event_id = $1', [event.eventId])).length === 1
        );
      },
      { what: 'a duplicate has brought the copy' },
    );
    await world.redis.flushall();
    await world.startWorker();
    await eachAppliedOnce(t, world, [event]);
  },
);
