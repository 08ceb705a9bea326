import { setTimeout as sleep } from 'node:timers/promises';
import { openProducerRedis, readQueueStats, resetClaims } from '@semel/queue';
import t from 'tap';
import { changingProviders, type Harness, identityOf, mainTypeOf, startHarness } from '../support/harness.js';
import { ask, type ClusterSet, noTopology, startClusterSet } from '../support/redis-topology.js';
import { waitUntil } from '../support/servers.js';
import { startLoad } from '../support/steady-load.js';

t.jobs = 1;

type Tap = Parameters<typeof startHarness>[0];

async function startClusterHarness(t: Tap) {
  const set = await startClusterSet('{semel:stripe}');
  t.teardown(() => set.stop());
  const harness = await startHarness(t, {
    receivers: 2,
    workers: 2,
    redisUrl: set.url,
    budgetMs: 2_000,
    lockMs: 10_000,
  });
  await waitUntil(() => everyoneReady(harness), { what: 'all apps are ready' });
  return { set, harness };
}

const everyoneReady = async (harness: Harness) => {
  const answers = await Promise.all(
    [...harness.receivers, ...harness.workers].map((app) => app.inject('/readyz')),
  );
  return answers.every(({ statusCode }) => statusCode === 200);
};

/** Every key in the cluster, with its slot. */
async function keysOf({ masters }: ClusterSet): Promise<{ key: string; slot: number }[]> {
  const found = await Promise.all(
    masters.map(({ port }) =>
      ask(port, async (redis) => {
        const keys = await redis.keys('*');
        return Promise.all(keys.map(async (key) => ({ key, slot: await redis.cluster('KEYSLOT', key) })));
      }),
    ),
  );
  return found.flat();
}

t.test(
  'a queue and its claims share one cluster slot, and events are applied',
  { skip: noTopology },
  async (t) => {
    const { set, harness } = await startClusterHarness(t);
    const firm = await harness.addFirm();
    for (const provider of changingProviders) {
      const endpoint = await harness.addEndpoint(provider.name, firm);
      const { type } = mainTypeOf(provider);
      const { body, channel } = harness.buildBody(endpoint, type);
      const { eventId } = identityOf(provider, body, channel, endpoint);
      t.equal((await harness.send(endpoint, type, { body })).outcome, 'accepted');
      t.equal((await harness.send(endpoint, type, { body, receiver: 1 })).outcome, 'duplicate');
      await harness.applied(provider, eventId);
    }

    const keys = await keysOf(set);
    for (const { name } of changingProviders) {
      const own = keys.filter(({ key }) => key.startsWith(`{semel:${name}}`));
      t.ok(
        own.some(({ key }) => key.includes(':claim:')),
        `${name} has claims`,
      );
      t.ok(
        own.some(({ key }) => key.includes(`:${name}:`)),
        `${name} has a queue`,
      );
      t.equal(
        new Set(own.map(({ slot }) => slot)).size,
        1,
        `all ${own.length} keys of ${name} are in one slot`,
      );
    }
    t.same(
      keys.filter(({ key }) => !key.startsWith('{semel:')),
      [],
      'nothing of ours has no tag',
    );

    const redis = openProducerRedis(set.url, 2_000);
    t.teardown(() => redis.disconnect());
    await waitUntil(() => redis.status === 'ready', { what: 'the cluster answers' });
    t.equal((await readQueueStats(redis, 'stripe')).jobs.completed, 1);
    t.equal(await resetClaims(redis, 'stripe'), 1);
    t.notOk((await keysOf(set)).some(({ key }) => key.startsWith('{semel:stripe}:claim:')));
  },
);

t.test(
  'a cluster master dies under load: receivers and workers continue with its replica',
  { skip: noTopology },
  async (t) => {
    const { set, harness } = await startClusterHarness(t);
    const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
    const load = startLoad(harness, endpoint);
    await waitUntil(() => load.acknowledged.length > 100, { what: 'the load is on' });
    await (set.masters[0] as { kill(): Promise<void> }).kill();
    const killedMs = performance.now();
    const again = await waitUntil(
      () => load.acknowledged.find(({ atMs, outcome }) => atMs > killedMs + 200 && outcome === 'accepted'),
      {
        what: 'events are taken again',
      },
    );
    await sleep(500);
    await load.stop();
    t.comment(
      `200 again after ${Math.round(again.atMs - killedMs)} ms, ${load.refused} refused, ${load.acknowledged.length} acknowledged`,
    );
    t.same(load.wrong, [], 'a store outage never gives a 4xx');
    const after = load.acknowledged.filter(({ atMs }) => atMs > killedMs + 200);
    await waitUntil(
      async () => {
        const ids = after.map(({ eventId }) => eventId);
        const rows = await harness.sql(
          "SELECT DISTINCT event_id FROM webhook_attempts WHERE outcome = 'applied' AND event_id = ANY ($1)",
          [ids],
        );
        return rows.length === ids.length;
      },
      // A job whose completion got no answer runs again when its lock expires.
      { what: 'all of them are applied', timeoutMs: 90_000 },
    );
    t.comment(
      `all ${after.length} of them applied ${Math.round(performance.now() - killedMs)} ms after the kill`,
    );
    t.same(
      await harness.sql(
        "SELECT event_id FROM webhook_attempts WHERE outcome = 'applied' GROUP BY 1 HAVING count(*) > 1",
      ),
      [],
      'one effect each',
    );
    await waitUntil(() => everyoneReady(harness), { what: 'all apps are ready without a restart' });
  },
);
