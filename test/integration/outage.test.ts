import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Provider, Sample } from '@semel/core';
import { encryptionKey } from '@semel/database';
import { migrate } from '@semel/database/migrate';
import { openProducerRedis, openProviderQueue } from '@semel/queue';
import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import t from 'tap';
import { testEncryptionKey, waitUntil } from '../support/servers.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import {
  changingProviders,
  createWorld,
  identityOf,
  mainTypeOf,
  type TestEndpoint,
  type World,
} from '../support/world.js';

t.jobs = 3; // most of the time they wait

function prepare(world: World, endpoint: TestEndpoint) {
  const type = mainTypeOf(endpoint.provider).type;
  const { body, channel } = world.buildBody(endpoint, type);
  return {
    provider: endpoint.provider,
    type,
    body,
    eventId: identityOf(endpoint.provider, body, channel).eventId,
  };
}

type Event = { provider: Provider; eventId: string };

const proxyTo = async (t: Tap, url: string) => {
  const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
  t.teardown(() => proxy.stop());
  return proxy;
};
type Tap = { teardown(end: () => unknown): void };

/** Receivers and worker each reach Postgres by a way of their own, so that the worker's attempts can be counted. */
async function worldBehindProxies(t: Tap) {
  let receiversWay: TcpProxy | undefined;
  const world = await createWorld(t, {
    outbox: { pollMs: 1_000 }, // as by default: what it asks meanwhile is counted below
    relay: { everyMs: 500 },
    workers: 0,
    attempts: 3,
    databaseUrl: async (own) => {
      receiversWay = await proxyTo(t, own);
      return receiversWay.through(own);
    },
  });
  const workersWay = await proxyTo(t, world.database.url);
  const worker = await world.startWorker({ databaseUrl: workersWay.through(world.database.url) });
  const firm = await world.addFirm();
  const endpoints: TestEndpoint[] = [];
  for (const { name } of changingProviders) endpoints.push(await world.addEndpoint(name, firm));
  return { world, worker, endpoints, workersWay, receiversWay: receiversWay as TcpProxy };
}

const isReady = async (app: FastifyInstance | undefined) => {
  const answer = await app?.inject('/readyz');
  return { status: answer?.statusCode, checks: answer?.json().checks };
};

/** Each event has one final attempt and no other. */
async function eachAppliedOnce(
  t: Tap & { same(...args: unknown[]): unknown },
  world: World,
  events: readonly Event[],
) {
  for (const { provider, eventId } of events) await world.applied(provider, eventId);
  const ids = events.map(({ eventId }) => eventId);
  t.same(
    await world.sql(
      `SELECT event_id, array_agg(outcome || attempt) AS outcomes FROM webhook_attempts WHERE event_id = ANY ($1)
       GROUP BY 1 HAVING array_agg(outcome || attempt) <> ARRAY['applied1']`,
      [ids],
    ),
    [],
    'one final attempt each, and it is the first: no fault of ours was counted',
  );
  t.same(
    await world.sql(
      'SELECT event_id, entity_id FROM domain_changes WHERE event_id = ANY ($1) GROUP BY 1, 2 HAVING count(*) > 1',
      [ids],
    ),
    [],
    'one effect each',
  );
}

t.test('Postgres is away for longer than all retries last', async (t) => {
  const { world, worker, endpoints, workersWay, receiversWay } = await worldBehindProxies(t);
  const events: Event[] = [];
  const sendRound = async () => {
    for (const endpoint of endpoints) {
      const event = prepare(world, endpoint);
      const answer = await world.send(endpoint, event.type, event);
      t.equal(answer.status, 200);
      t.equal(answer.outcome, 'accepted');
      events.push(event);
    }
  };
  await sendRound();
  await eachAppliedOnce(t, world, events);

  for (const way of [workersWay, receiversWay]) {
    way.set('refusing');
    way.cut();
  }
  const before = workersWay.attempts;
  const goneMs = 4_000; // all delays of three attempts, scaled, are well below one second
  for (const until = Date.now() + goneMs; Date.now() < until; await sleep(200)) await sendRound();
  t.equal((await isReady(worker)).status, 503);
  t.equal((await isReady(worker)).checks.postgres, 'away');
  t.equal((await isReady(world.receivers[0])).status, 200, 'a receiver is ready while Redis is there');
  const tries = workersWay.attempts - before;
  t.ok(tries < 60, `the worker rests: ${tries} tries to connect for ${events.length} events`);
  t.ok(world.logs.some(({ msg }) => msg === 'worker.paused'));

  for (const way of [workersWay, receiversWay]) way.set('open');
  await eachAppliedOnce(t, world, events);
  t.same(await world.sql("SELECT * FROM webhook_attempts WHERE outcome IN ('failed', 'dead')"), []);
  t.notOk(world.logs.some(({ msg }) => msg === 'event.applyFailed'));
  await waitUntil(async () => (await isReady(worker)).status === 200, { what: 'the worker is ready again' });
  await sendRound();
  await eachAppliedOnce(t, world, events);
});

t.test('Postgres takes connections and answers nothing', async (t) => {
  const { world, worker, endpoints, workersWay } = await worldBehindProxies(t);
  const events: Event[] = [];
  const sendRound = async () => {
    for (const endpoint of endpoints) {
      const event = prepare(world, endpoint);
      t.equal((await world.send(endpoint, event.type, event)).outcome, 'accepted');
      events.push(event);
    }
  };
  await sendRound();
  await eachAppliedOnce(t, world, events);
  workersWay.set('dead');
  await sendRound();
  await waitUntil(() => world.logs.some(({ msg }) => msg === 'worker.paused'), {
    what: 'the worker takes the silence for an outage',
    timeoutMs: 20_000,
  });
  t.equal((await isReady(worker)).status, 503);
  await sendRound();
  workersWay.set('open');
  workersWay.cut();
  await eachAppliedOnce(t, world, events);
  t.notOk(world.logs.some(({ msg }) => msg === 'event.applyFailed'));
});

t.test('Postgres comes and goes under load', async (t) => {
  const { world, endpoints, workersWay } = await worldBehindProxies(t);
  const events: Event[] = [];
  const load = async (endpoint: TestEndpoint) => {
    for (let i = 0; i < 30; i++) {
      const event = prepare(world, endpoint);
      const answer = await world.send(endpoint, event.type, event);
      if (answer.status !== 200) t.fail(`${answer.status} ${answer.text}`);
      events.push(event);
      await sleep(20);
    }
  };
  const running = Promise.all(endpoints.map(load));
  for (let i = 0; i < 8; i++) {
    await sleep(100);
    workersWay.cut(); // in the middle of whatever it does
  }
  await running;
  await eachAppliedOnce(t, world, events);
  t.equal(events.length, endpoints.length * 30);
});

t.test('Redis is killed and restarted under load', async (t) => {
  const world = await createWorld(t, { workers: 2, redis: { appendonly: true } });
  const firm = await world.addFirm();
  const endpoints: TestEndpoint[] = [];
  for (const { name } of changingProviders) endpoints.push(await world.addEndpoint(name, firm));
  const acknowledged: Event[] = [];
  let refused = 0;

  /** Sends as providers do: again and again, until there is a 2xx. */
  const load = async (endpoint: TestEndpoint) => {
    for (let i = 0; i < 25; i++) {
      const event = prepare(world, endpoint);
      for (const until = Date.now() + 20_000; ; await sleep(100)) {
        const answer = await world.send(endpoint, event.type, event).catch(() => null);
        if (answer?.status === 200) break;
        if (answer) t.ok(answer.status >= 500, `a fault of ours is never a 4xx: ${answer.status}`);
        refused++;
        if (Date.now() > until) return t.fail('no answer for too long');
      }
      acknowledged.push(event);
      await sleep(10);
    }
  };
  const running = Promise.all(endpoints.map(load));
  await waitUntil(() => acknowledged.length > 15, { what: 'the load is on' });
  await world.redisServer.kill();
  await sleep(500);
  await world.redisServer.restart();
  await running;
  t.comment(`${refused} requests were refused meanwhile`);
  t.equal(acknowledged.length, endpoints.length * 25);
  await waitUntil(
    async () =>
      (
        await world.sql<{ n: number }>(
          "SELECT count(*)::int AS n FROM webhook_attempts WHERE outcome = 'applied'",
        )
      )[0]?.n === acknowledged.length,
    { what: 'all that was acknowledged is applied', timeoutMs: 40_000 },
  );
  await eachAppliedOnce(t, world, acknowledged);
  t.notOk(world.logs.some(({ msg }) => msg === 'event.applyFailed'));
});

t.test('a worker that is started while a store is away becomes ready by itself', async (t) => {
  const world = await createWorld(t, { workers: 0 });
  const firm = await world.addFirm();
  for (const store of ['postgres', 'redis'] as const) {
    const url = store === 'postgres' ? world.database.url : world.redisServer.url;
    const way = await proxyTo(t, url);
    way.set('refusing');
    const worker = await world.startWorker(
      store === 'postgres' ? { databaseUrl: way.through(url) } : { redisUrl: way.through(url) },
    );
    const endpoint = await world.addEndpoint('square', firm);
    const event = prepare(world, endpoint);
    t.equal((await world.send(endpoint, event.type, event)).outcome, 'accepted');
    const { status, checks } = await isReady(worker);
    t.equal(status, 503);
    t.equal(checks[store], 'away', `${store} is named`);
    t.equal((await worker.inject('/livez')).statusCode, 200);
    await sleep(300);
    t.same(await world.attemptsOf(event.eventId), []);

    way.set('open');
    await waitUntil(async () => (await isReady(worker)).status === 200, { what: 'it is ready by itself' });
    await eachAppliedOnce(t, world, [event]);
    await worker.close();
  }
});

t.test('an unmigrated database makes events wait, and no one dies', async (t) => {
  const world = await createWorld(t, { receivers: 0, workers: 0, attempts: 3 });
  const name = `unmigrated_${randomBytes(6).toString('hex')}`;
  await world.sql(`CREATE DATABASE ${name} TEMPLATE template0`);
  const databaseUrl = new URL(world.database.url);
  databaseUrl.pathname = `/${name}`;
  const stores = { databaseUrl: databaseUrl.href };
  t.teardown(async () => {
    await Promise.allSettled([...world.receivers, ...world.workers].map((app) => app.close()));
    const client = await connectTo(world.database.url);
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.end();
  });

  const receiver = world.receivers[await world.startReceiver(stores)];
  const workersWay = await proxyTo(t, databaseUrl.href);
  const worker = await world.startWorker({ databaseUrl: workersWay.through(databaseUrl.href) });
  for (const app of [receiver, worker]) {
    const { status, checks } = await isReady(app);
    t.equal(status, 503);
    t.equal(checks.postgres, 'unmigrated', 'and it is said why');
  }

  const [firm, endpointId] = [randomUUID(), randomUUID()];
  const redis = openProducerRedis(world.redisServer.url, 2_000);
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
  await waitUntil(() => world.logs.some(({ msg }) => msg === 'worker.paused'), { what: 'the worker rests' });
  await sleep(2_500); // more than the retries of three attempts take
  t.notOk(world.logs.some(({ msg }) => msg === 'event.applyFailed'));

  workersWay.set('refusing'); // until the firm is there, which the events name already
  workersWay.cut();
  await migrate({ databaseUrl: databaseUrl.href, encryptionKey: encryptionKey(testEncryptionKey) });
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
