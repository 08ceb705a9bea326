import { randomUUID } from 'node:crypto';
import { type Provider, reservedEventIds, scopeEventId, type WebhookEvent } from '@semel/core';
import { providers } from '@semel/providers';
import {
  claimKey,
  claimsDone,
  openConsumer,
  openProducerRedis,
  openProviderQueue,
  openQueue,
  prefixOf,
  queueKey,
  resetClaims,
} from '@semel/queue';
import { QueueKeys } from 'bullmq';
import t, { type Test } from 'tap';
import { createEvent } from '../support/create-event.js';
import { startRedis, waitUntil } from '../support/servers.js';

// The product reads BullMQ's keys directly. Its assumptions are checked against BullMQ itself, so that a new version
// cannot silently break the claims.

const [a, b] = [randomUUID(), randomUUID()];
const uniqueId = () => `evt_${randomUUID().replaceAll('-', '')}`;

/** An event under an id as `accept` makes them: for some providers it names the endpoint. */
const eventOf = (provider: Provider, owner = a, id = uniqueId()): WebhookEvent => {
  const endpointId = randomUUID();
  return createEvent({
    firmId: owner,
    provider: provider.name,
    eventId: scopeEventId(provider, id, endpointId),
    type: 'some.type',
    endpointId,
    body: { utf8: '{"a":"\\u0000","owner":"nobody"}' },
  });
};

async function openQueues(t: Test) {
  const server = await startRedis();
  const redis = openProducerRedis(server.url, 2_000);
  await waitUntil(() => redis.status === 'ready', { what: 'Redis is there' });
  const queues = new Map(
    providers.map((provider) => [provider.name, openProviderQueue({ redis, provider, attempts: 1 })]),
  );
  t.teardown(async () => {
    await Promise.all([...queues.values()].map((queue) => queue.close()));
    redis.disconnect();
    await server.stop();
  });
  const of = (provider: Provider) => queues.get(provider.name) as ReturnType<typeof openProviderQueue>;
  /** Runs every job with the outcome that `run` returns. */
  async function work(t: Test, provider: Provider, run: (event: WebhookEvent) => 'applied' | 'dead') {
    const seen: WebhookEvent[] = [];
    const consumer = openConsumer({
      redisUrl: server.url,
      redis,
      alone: (work) => work(),
      onStuck: async () => ({ outcome: 'dead', error: null }),
      provider,
      concurrency: 8,
      retryScale: 0.01,
      run: async ({ event }) => {
        seen.push(event);
        return { outcome: run(event), error: null };
      },
      onLost: () => t.fail('a job was lost'),
      onOutage: () => undefined,
      onStalled: () => undefined,
      onError: () => undefined,
    });
    return { seen, stop: () => consumer.close(2_000) };
  }
  const isIn = (provider: Provider, set: string, eventId: string) =>
    waitUntil(async () => (await redis.zscore(queueKey(provider.name, set), eventId)) !== null, {
      what: `${eventId} is ${set}`,
    });
  return { server, redis, of, work, isIn };
}

t.test("BullMQ's keys are what the product takes them for", async (t) => {
  const { redis, of, work, isIn } = await openQueues(t);

  t.test('the key names of BullMQ are as the product assumes', async (t) => {
    for (const { name } of providers) {
      const queue = openQueue(redis, name);
      const keys = new QueueKeys(prefixOf(name));
      for (const part of [...Object.keys(keys.getKeys(name)), 'evt_1']) {
        t.equal(queueKey(name, part), keys.toKey(name, part));
        t.equal(queueKey(name, part), queue.toKey(part));
      }
      t.equal(prefixOf(name), `{semel:${name}}`, 'one hash slot per provider');
      t.ok(claimKey(name, 'evt_1').startsWith(`{semel:${name}}:`), 'with its claims');
      t.notOk(
        claimKey(name, 'evt_1').startsWith(`${keys.getQueueQualifiedName(name)}:`),
        'but apart from the jobs',
      );
      await queue.close();
    }
  });

  t.test("no event id is a key of BullMQ's own", async (t) => {
    const keys = Object.keys(new QueueKeys('x').getKeys('y'));
    t.ok(keys.length > 10);
    for (const key of keys) t.ok(reservedEventIds.has(key), JSON.stringify(key));
    // That list also contains whatever else a queue leaves in Redis.
    const provider = providers[0] as Provider;
    const event = eventOf(provider);
    const worker = await work(t, provider, () => 'applied');
    await of(provider).queue.add(event);
    await isIn(provider, 'completed', event.eventId);
    await worker.stop();
    const prefix = queueKey(provider.name, '');
    const left = (await redis.keys(`${prefix}*`)).map((key) => key.slice(prefix.length));
    for (const part of left)
      if (part !== event.eventId) t.ok(reservedEventIds.has(part.split(':')[0] ?? ''), part);
  });

  for (const provider of providers)
    t.test(
      `${provider.name}: a job is a hash with the firm in its data, finished jobs are in sorted sets`,
      async (t) => {
        const { claims, queue } = of(provider);
        const good = eventOf(provider);
        const bad = eventOf(provider);
        for (const event of [good, bad]) await queue.add(event);
        const raw = await redis.hget(queueKey(provider.name, good.eventId), 'data');
        t.strictSame(JSON.parse(raw ?? ''), good, 'the data is the event');
        const inspect = async ({ firmId: owner, eventId }: WebhookEvent) => {
          const { job, jobFirmId } = await claims.inspect({ firmId: owner, eventId });
          return { job, jobFirmId };
        };
        t.strictSame(await inspect(good), { job: 'alive', jobFirmId: a });
        t.strictSame(await inspect(eventOf(provider)), { job: 'none', jobFirmId: null });

        const worker = await work(t, provider, (event) =>
          event.eventId === bad.eventId ? 'dead' : 'applied',
        );
        await isIn(provider, 'completed', good.eventId);
        await isIn(provider, 'failed', bad.eventId);
        await worker.stop();
        t.equal(await redis.type(queueKey(provider.name, 'completed')), 'zset');
        t.equal(await redis.type(queueKey(provider.name, 'failed')), 'zset');
        t.strictSame(await inspect(good), { job: 'completed', jobFirmId: a });
        t.strictSame(await inspect(bad), { job: 'failed', jobFirmId: a });
        t.strictSame(
          worker.seen.find(({ eventId }) => eventId === good.eventId),
          good,
          'it came as it went',
        );
      },
    );

  t.test('a queue works after every odd event id', async (t) => {
    const provider = providers[0] as Provider;
    const { queue } = of(provider);
    const worker = await work(t, provider, () => 'applied');
    for (const id of [
      'evt_~firm',
      'evt_ü',
      'SM1.sent.e30008',
      "evt_'",
      'evt_{x}',
      'evt_*',
      'a'.repeat(255),
    ]) {
      const event = eventOf(provider, a, id);
      await queue.add(event);
      await isIn(provider, 'completed', id);
    }
    await worker.stop();
  });
});

t.test('claims', async (t) => {
  const { redis, of } = await openQueues(t);
  for (const provider of providers)
    t.test(`${provider.name}: a claim's state only moves forward`, async (t) => {
      const { claims } = of(provider);
      const event = eventOf(provider);
      const key = claimKey(provider.name, event.eventId);
      const state = async () => {
        const { claim, claimFirmId } = await claims.inspect(event);
        return [claim, claimFirmId];
      };
      t.same(await state(), [null, null], 'to inspect sets nothing');
      t.equal(await redis.exists(key), 0);

      t.match(await claims.acquire(event), { claim: null, job: 'none' }, 'the first look finds nothing');
      t.same(await state(), ['pending', a], 'and takes the claim');
      t.ok((await redis.pttl(key)) <= 60_000, 'for a short while');
      t.match(await claims.acquire({ ...event, firmId: b }), { claim: 'pending', claimFirmId: a });
      t.same(await state(), ['pending', a], "another owner's look changes nothing");

      await claims.confirm(event);
      t.same(await state(), ['queued', a]);
      const ttl = await redis.pttl(key);
      t.ok(ttl > provider.claimWindowMs - 10_000 && ttl <= provider.claimWindowMs, 'for the window');
      await claims.acquire(event);
      t.same(await state(), ['queued', a]);

      await claimsDone(redis, provider, [event]);
      t.same(await state(), ['done', a]);
      await claims.confirm(event);
      t.same(await state(), ['done', a], 'a late confirm does not take it back');
      await claims.acquire(event);
      t.same(await state(), ['done', a]);
      t.ok((await redis.pttl(key)) > provider.claimWindowMs - 10_000);
    });

  t.test('of a hundred concurrent claims, one succeeds', async (t) => {
    const provider = providers[0] as Provider;
    const event = eventOf(provider);
    const looks = await Promise.all(Array.from({ length: 100 }, () => of(provider).claims.acquire(event)));
    t.equal(looks.filter(({ claim }) => claim === null).length, 1);
    t.equal(looks.filter(({ claim }) => claim === 'pending').length, 99);
  });

  t.test('a job with unreadable data does not break the claim', async (t) => {
    const provider = providers[0] as Provider;
    const event = eventOf(provider);
    await redis.hset(queueKey(provider.name, event.eventId), 'data', '{"owner":');
    t.match(await of(provider).claims.acquire(event), { job: 'alive', jobFirmId: null });
  });

  t.test('a reset deletes claims and nothing else', async (t) => {
    await redis.flushall();
    for (const provider of providers)
      for (let i = 0; i < 20; i++) {
        const event = eventOf(provider);
        await of(provider).claims.acquire(event);
        await of(provider).queue.add(event);
      }
    await redis.set('claim:other', 'x');
    const before = (await redis.keys('*')).sort();
    const [first, ...others] = providers as [Provider, ...Provider[]];
    t.equal(await resetClaims(redis, first.name), 20);
    t.same(
      (await redis.keys('*')).sort(),
      before.filter((key) => !key.startsWith(`{semel:${first.name}}:claim:`)),
      "one provider's",
    );
    for (const { name } of others) t.equal(await resetClaims(redis, name), 20);
    t.same(
      (await redis.keys('*')).sort(),
      before.filter((key) => !key.includes('}:claim:')),
    );
    t.equal(await resetClaims(redis, first.name), 0);
  });
});

t.test('running an event again', async (t) => {
  const { redis, of, work, isIn } = await openQueues(t);
  for (const provider of providers)
    t.test(provider.name, async (t) => {
      const { queue, claims } = of(provider);
      const { name } = provider;
      const waitingIds = () => redis.lrange(queueKey(name, 'wait'), 0, -1);

      const fresh = eventOf(provider);
      t.equal(await queue.requeue(fresh), 'enqueued', 'there was no job');
      t.same(await waitingIds(), [fresh.eventId]);
      t.equal(await queue.requeue(fresh), 'alive');
      t.equal(await queue.requeue({ ...fresh, firmId: b }), 'foreign', 'by the job');
      await claims.acquire(eventOf(provider)); // another claim has no influence
      t.same(await waitingIds(), [fresh.eventId], 'one job');

      const claimed = eventOf(provider);
      await claims.acquire(claimed);
      t.equal(await queue.requeue({ ...claimed, firmId: b }), 'foreign', 'by the claim');
      t.equal(await redis.exists(queueKey(name, claimed.eventId)), 0);

      const runs: string[] = [];
      let dead = true;
      const worker = await work(t, provider, ({ eventId }) => {
        runs.push(eventId);
        return dead && eventId === failing.eventId ? 'dead' : 'applied';
      });
      const failing = eventOf(provider);
      await queue.add(failing);
      await isIn(provider, 'failed', failing.eventId);
      t.equal(await queue.requeue({ ...failing, firmId: b }), 'foreign', 'by the failed job');
      await queue.add(failing);
      dead = false;
      t.equal(await queue.requeue(failing), 'enqueued', 'it failed');
      await isIn(provider, 'completed', failing.eventId);
      t.equal(await redis.zscore(queueKey(name, 'failed'), failing.eventId), null, 'and has failed no more');
      t.equal(runs.filter((id) => id === failing.eventId).length, 2, 'a bare add runs nothing');
      t.equal(await redis.hget(queueKey(name, failing.eventId), 'atm'), '1', 'with its attempts before it');
      t.equal(await redis.hget(queueKey(name, failing.eventId), 'stc'), null, 'and no stalls');

      t.equal(await queue.requeue(failing), 'enqueued', 'it is completed');
      await waitUntil(() => runs.filter((id) => id === failing.eventId).length === 3, {
        what: 'it runs again',
      });
      await isIn(provider, 'completed', failing.eventId);
      await worker.stop();
    });
});
