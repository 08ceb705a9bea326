import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Provider, Sample } from '@semel/core';
import { migrate } from '@semel/database/migrate';
import { openProducerRedis, openProviderQueue } from '@semel/queue';
import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import t from 'tap';
import {
  changingProviders,
  type Harness,
  identityOf,
  mainTypeOf,
  startHarness,
  type TestEndpoint,
} from '../support/harness.js';
import { prepare } from '../support/prepare.js';
import { testPasswords, waitUntil } from '../support/servers.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

t.jobs = 3; // the tests mostly wait

type Event = { provider: Provider; eventId: string };

const proxyTo = async (t: Tap, url: string) => {
  const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
  t.teardown(() => proxy.stop());
  return proxy;
};
type Tap = { teardown(end: () => unknown): void };

/**
 * Receivers and worker reach Postgres through separate proxies, so that the worker's connection attempts can be
 * counted.
 */
async function harnessBehindProxies(t: Tap) {
  let receiversWay: TcpProxy | undefined;
  const harness = await startHarness(t, {
    outbox: { pollMs: 1_000 }, // as by default: its connection attempts are counted below
    relay: { everyMs: 500 },
    workers: 0,
    attempts: 3,
    databaseUrl: async (own) => {
      receiversWay = await proxyTo(t, own);
      return receiversWay.through(own);
    },
  });
  const workersWay = await proxyTo(t, harness.database.url);
  const worker = await harness.startWorker({ databaseUrl: workersWay.through(harness.database.url) });
  const firm = await harness.addFirm();
  const endpoints: TestEndpoint[] = [];
  for (const { name } of changingProviders) endpoints.push(await harness.addEndpoint(name, firm));
  return { harness, worker, endpoints, workersWay, receiversWay: receiversWay as TcpProxy };
}

const isReady = async (app: FastifyInstance | undefined) => {
  const answer = await app?.inject('/readyz');
  return { status: answer?.statusCode, checks: answer?.json().checks };
};

/** Asserts that each event has one final attempt and no other. */
async function eachAppliedOnce(
  t: Tap & { same(...args: unknown[]): unknown },
  harness: Harness,
  events: readonly Event[],
) {
  for (const { provider, eventId } of events) await harness.applied(provider, eventId);
  const ids = events.map(({ eventId }) => eventId);
  t.same(
    await harness.sql(
      `SELECT event_id, array_agg(outcome || attempt) AS outcomes FROM webhook_attempts WHERE event_id = ANY ($1)
       GROUP BY 1 HAVING array_agg(outcome || attempt) <> ARRAY['applied1']`,
      [ids],
    ),
    [],
    'one final attempt each, and it is the first: the outage spent none',
  );
  t.same(
    await harness.sql(
      'SELECT event_id, entity_id FROM domain_changes WHERE event_id = ANY ($1) GROUP BY 1, 2 HAVING count(*) > 1',
      [ids],
    ),
    [],
    'one effect each',
  );
}

t.test('Postgres is unreachable for longer than all retries last', async (t) => {
  const { harness, worker, endpoints, workersWay, receiversWay } = await harnessBehindProxies(t);
  const events: Event[] = [];
  const sendRound = async () => {
    for (const endpoint of endpoints) {
      const event = prepare(harness, endpoint);
      const answer = await harness.send(endpoint, event.type, event);
      t.equal(answer.status, 200);
      t.equal(answer.outcome, 'accepted');
      events.push(event);
    }
  };
  await sendRound();
  await eachAppliedOnce(t, harness, events);

  for (const way of [workersWay, receiversWay]) {
    way.set('refusing');
    way.cut();
  }
  const before = workersWay.attempts;
  const goneMs = 4_000; // the scaled delays of three attempts are well below one second
  for (const until = Date.now() + goneMs; Date.now() < until; await sleep(200)) await sendRound();
  t.equal((await isReady(worker)).status, 503);
  t.equal((await isReady(worker)).checks.postgres, 'away');
  t.equal((await isReady(harness.receivers[0])).status, 200, 'a receiver is ready while Redis is there');
  const tries = workersWay.attempts - before;
  t.ok(tries < 60, `the worker rests: ${tries} tries to connect for ${events.length} events`);
  t.ok(harness.logs.some(({ msg }) => msg === 'worker.paused'));

  for (const way of [workersWay, receiversWay]) way.set('open');
  await eachAppliedOnce(t, harness, events);
  t.same(await harness.sql("SELECT * FROM webhook_attempts WHERE outcome IN ('failed', 'dead')"), []);
  t.notOk(harness.logs.some(({ msg }) => msg === 'event.applyFailed'));
  await waitUntil(async () => (await isReady(worker)).status === 200, { what: 'the worker is ready again' });
  await sendRound();
  await eachAppliedOnce(t, harness, events);
});

t.test('Postgres accepts connections and answers nothing', async (t) => {
  const { harness, worker, endpoints, workersWay } = await harnessBehindProxies(t);
  const events: Event[] = [];
  const sendRound = async () => {
    for (const endpoint of endpoints) {
      const event = prepare(harness, endpoint);
      t.equal((await harness.send(endpoint, event.type, event)).outcome, 'accepted');
      events.push(event);
    }
  };
  await sendRound();
  await eachAppliedOnce(t, harness, events);
  workersWay.set('dead');
  await sendRound();
  await waitUntil(() => harness.logs.some(({ msg }) => msg === 'worker.paused'), {
    what: 'the worker takes the silence for an outage',
    timeoutMs: 20_000,
  });
  t.equal((await isReady(worker)).status, 503);
  await sendRound();
  workersWay.set('open');
  workersWay.cut();
  await eachAppliedOnce(t, harness, events);
  t.notOk(harness.logs.some(({ msg }) => msg === 'event.applyFailed'));
});

t.test('Postgres connections are cut again and again under load', async (t) => {
  const { harness, endpoints, workersWay } = await harnessBehindProxies(t);
  const events: Event[] = [];
  const load = async (endpoint: TestEndpoint) => {
    for (let i = 0; i < 30; i++) {
      const event = prepare(harness, endpoint);
      const answer = await harness.send(endpoint, event.type, event);
      if (answer.status !== 200) t.fail(`${answer.status} ${answer.text}`);
      events.push(event);
      await sleep(20);
    }
  };
  const running = Promise.all(endpoints.map(load));
  for (let i = 0; i < 8; i++) {
    await sleep(100);
    workersWay.cut(); // at a random point of its work
  }
  await running;
  await eachAppliedOnce(t, harness, events);
  t.equal(events.length, endpoints.length * 30);
});

t.test('Redis is killed and restarted under load', async (t) => {
  const harness = await startHarness(t, { workers: 2, redis: { appendonly: true } });
  const firm = await harness.addFirm();
  const endpoints: TestEndpoint[] = [];
  for (const { name } of changingProviders) endpoints.push(await harness.addEndpoint(name, firm));
  const acknowledged: Event[] = [];
  let refused = 0;

  /** Sends as providers do: repeatedly, until a 2xx. */
  const load = async (endpoint: TestEndpoint) => {
    for (let i = 0; i < 25; i++) {
      const event = prepare(harness, endpoint);
      for (const until = Date.now() + 20_000; ; await sleep(100)) {
        const answer = await harness.send(endpoint, event.type, event).catch(() => null);
        if (answer?.status === 200) break;
        if (answer) t.ok(answer.status >= 500, `a store outage never gives a 4xx: ${answer.status}`);
        refused++;
        if (Date.now() > until) return t.fail('no answer for too long');
      }
      acknowledged.push(event);
      await sleep(10);
    }
  };
  const running = Promise.all(endpoints.map(load));
  await waitUntil(() => acknowledged.length > 15, { what: 'the load is on' });
  await harness.redisServer.kill();
  await sleep(500);
  await harness.redisServer.restart();
  await running;
  t.comment(`${refused} requests were refused meanwhile`);
  t.equal(acknowledged.length, endpoints.length * 25);
  await waitUntil(
    async () =>
      (
        await harness.sql<{ n: number }>(
          "SELECT count(*)::int AS n FROM webhook_attempts WHERE outcome = 'applied'",
        )
      )[0]?.n === acknowledged.length,
    { what: 'all that was acknowledged is applied', timeoutMs: 40_000 },
  );
  await eachAppliedOnce(t, harness, acknowledged);
  t.notOk(harness.logs.some(({ msg }) => msg === 'event.applyFailed'));
});

t.test('a worker that starts while a store is unreachable becomes ready by itself', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const firm = await harness.addFirm();
  for (const store of ['postgres', 'redis'] as const) {
    const url = store === 'postgres' ? harness.database.url : harness.redisServer.url;
    const way = await proxyTo(t, url);
    way.set('refusing');
    const worker = await harness.startWorker(
      store === 'postgres' ? { databaseUrl: way.through(url) } : { redisUrl: way.through(url) },
    );
    const endpoint = await harness.addEndpoint('square', firm);
    const event = prepare(harness, endpoint);
    t.equal((await harness.send(endpoint, event.type, event)).outcome, 'accepted');
    const { status, checks } = await isReady(worker);
    t.equal(status, 503);
    t.equal(checks[store], 'away', `${store} is named`);
    t.equal((await worker.inject('/livez')).statusCode, 200);
    await sleep(300);
    t.same(await harness.attemptsOf(event.eventId), []);

    way.set('open');
    await waitUntil(async () => (await isReady(worker)).status === 200, { what: 'it is ready by itself' });
    await eachAppliedOnce(t, harness, [event]);
    await worker.close();
  }
});

t.test('events wait for an unmigrated database, and none of them is dead', async (t) => {
  const harness = await startHarness(t, { receivers: 0, workers: 0, attempts: 3 });
  const name = `unmigrated_${randomBytes(6).toString('hex')}`;
  await harness.sql(`CREATE DATABASE ${name} TEMPLATE template0`);
  const databaseUrl = new URL(harness.database.url);
  databaseUrl.pathname = `/${name}`;
  const stores = { databaseUrl: databaseUrl.href };
  t.teardown(async () => {
    await Promise.allSettled([...harness.receivers, ...harness.workers].map((app) => app.close()));
    const client = await connectTo(harness.database.url);
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.end();
  });

  const receiver = harness.receivers[await harness.startReceiver(stores)];
  const workersWay = await proxyTo(t, databaseUrl.href);
  const worker = await harness.startWorker({ databaseUrl: workersWay.through(databaseUrl.href) });
  for (const app of [receiver, worker]) {
    const { status, checks } = await isReady(app);
    t.equal(status, 503);
    t.equal(checks.postgres, 'unmigrated', 'and it is said why');
  }

  const [firm, endpointId] = [randomUUID(), randomUUID()];
  const redis = openProducerRedis(harness.redisServer.url, 2_000);
  await waitUntil(() => redis.status === 'ready', { what: 'Redis is there' });
  const events: Event[] = [];
  for (const provider of changingProviders) {
    const sample = provider.samples.find(({ type }) => type === mainTypeOf(provider).type) as Sample;
    const { body } = sample.build({ account: null, nowMs: Date.now() });
    const { channel } = sample;
    const { eventId, type } = identityOf(provider, body, channel);
    const { queue, close } = openProviderQueue({ redis, provider, attempts: 3 });
    await queue.add({
      v: 2,
      firmId: firm,
      provider: provider.name,
      eventId,
      type,
      channel,
      endpointId,
      account: null,
      createdAtMs: null,
      receivedAtMs: Date.now(),
      body: { base64: body.toString('base64') },
      sha256: '0'.repeat(64),
      ignored: null,
    });
    events.push({ provider, eventId });
    await close();
  }
  redis.disconnect();
  await waitUntil(() => harness.logs.some(({ msg }) => msg === 'worker.paused'), {
    what: 'the worker rests',
  });
  await sleep(2_500); // more than the retries of three attempts take
  t.notOk(harness.logs.some(({ msg }) => msg === 'event.applyFailed'));

  workersWay.set('refusing'); // until the firm exists, which the events already name
  workersWay.cut();
  await migrate({ databaseUrl: databaseUrl.href, passwords: testPasswords });
  const client = await connectTo(databaseUrl.href);
  await client.query("INSERT INTO firms (id, slug, name) VALUES ($1, 'late', 'Late')", [firm]);
  await client.query(
    "INSERT INTO webhook_endpoints (id, firm_id, provider, key) VALUES ($1, $2, 'stripe', 'late')",
    [endpointId, firm],
  );
  workersWay.set('open');
  const { rows } = await waitUntil(
    async () => {
      const found = await client.query(
        "SELECT outcome, count(*)::int AS n FROM webhook_attempts GROUP BY outcome HAVING outcome <> 'failed'",
      );
      return found.rows[0]?.n === events.length ? found : undefined;
    },
    { what: 'all are applied once there are tables', timeoutMs: 15_000 },
  );
  t.same(rows, [{ outcome: 'applied', n: events.length }]);
  await client.end();
  for (const app of [receiver, worker])
    await waitUntil(async () => (await isReady(app)).status === 200, { what: 'it is ready by itself' });
});

async function connectTo(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
