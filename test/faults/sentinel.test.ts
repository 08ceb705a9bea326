import { setTimeout as sleep } from 'node:timers/promises';
import type { AckDurability } from '@semel/core';
import t from 'tap';
import { type Harness, type HarnessOptions, startHarness } from '../support/harness.js';
import { ask, noTopology, startSentinelSet } from '../support/redis-topology.js';
import { waitUntil } from '../support/servers.js';
import { type Acknowledged, startLoad } from '../support/steady-load.js';

t.jobs = 1;

/** A job whose completion got no answer runs again when its lock expires. */
const handedOverMs = 90_000;

type Tap = Parameters<typeof startHarness>[0];

async function startSentinelHarness(t: Tap, options: HarnessOptions = {}) {
  const set = await startSentinelSet();
  t.teardown(() => set.stop());
  const harness = await startHarness(t, {
    receivers: 2,
    workers: 2,
    redisUrl: set.url,
    ...options,
    budgetMs: 2_000,
    lockMs: 10_000,
  });
  const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
  await waitUntil(() => everyoneReady(harness), { what: 'all apps are ready' });
  return { set, harness, endpoint };
}

const everyoneReady = async (harness: Harness) => {
  const answers = await Promise.all(
    [...harness.receivers, ...harness.workers].map((app) => app.inject('/readyz')),
  );
  return answers.every(({ statusCode }) => statusCode === 200);
};

/** The acknowledged events without a final attempt. */
async function missing(harness: Harness, acknowledged: readonly Acknowledged[]): Promise<Acknowledged[]> {
  const rows = await harness.sql<{ event_id: string }>(
    "SELECT DISTINCT event_id FROM webhook_attempts WHERE outcome IN ('applied', 'stale', 'ignored')",
  );
  const applied = new Set(rows.map((row) => row.event_id));
  return acknowledged.filter(({ eventId }) => !applied.has(eventId));
}

const appliedSince = async (harness: Harness, since: Date) =>
  (
    await harness.sql<{ at: Date }>(
      'SELECT min(applied_at) AS at FROM finance_stripe_webhook_events WHERE applied_at > $1',
      [since],
    )
  )[0]?.at;

const doubles = (harness: Harness) =>
  harness.sql(
    "SELECT event_id FROM webhook_attempts WHERE outcome = 'applied' GROUP BY 1 HAVING count(*) > 1",
  );

t.test(
  'the master dies under load: receivers and workers continue with its replica',
  { skip: noTopology },
  async (t) => {
    const { set, harness, endpoint } = await startSentinelHarness(t);
    const load = startLoad(harness, endpoint);
    await waitUntil(() => load.acknowledged.length > 100, { what: 'the load is on' });

    await set.master.kill();
    const killedMs = performance.now();
    const killedAt = new Date();
    const first = await waitUntil(
      () => load.acknowledged.find(({ atMs, outcome }) => atMs > killedMs + 200 && outcome === 'accepted'),
      {
        what: 'events are taken again',
        timeoutMs: 20_000,
      },
    );
    const applied = await waitUntil(() => appliedSince(harness, new Date(killedAt.getTime() + 1_000)), {
      what: 'events are applied again',
      timeoutMs: 20_000,
    });
    t.equal(await set.masterPort(), set.replica.port, 'the replica was promoted');
    await sleep(500);
    await load.stop();
    t.comment(
      `accepted again after ${Math.round(first.atMs - killedMs)} ms, applied again after ${applied.getTime() - killedAt.getTime()} ms, ` +
        `${load.refused} refused, ${load.acknowledged.length} acknowledged`,
    );
    t.same(load.wrong, [], 'a store outage never gives a 4xx');
    await waitUntil(
      async () =>
        (
          await missing(
            harness,
            load.acknowledged.filter(({ atMs }) => atMs > killedMs),
          )
        ).length === 0,
      {
        what: 'all that was acknowledged after it is applied',
        timeoutMs: handedOverMs,
      },
    );
    const lost = await missing(harness, load.acknowledged);
    t.comment(`${lost.length} events were acknowledged by the master alone`);
    t.ok(
      lost.every(({ atMs }) => atMs < killedMs && atMs > killedMs - 1_000),
      'nothing is lost that the replica had',
    );
    t.same(await doubles(harness), [], 'one effect each');
    await waitUntil(() => everyoneReady(harness), { what: 'all apps are ready without a restart' });
  },
);

t.test(
  'the master is demoted but stays up: no app stays connected to it',
  { skip: noTopology },
  async (t) => {
    const { set, harness, endpoint } = await startSentinelHarness(t);
    const load = startLoad(harness, endpoint);
    await waitUntil(() => load.acknowledged.length > 50, { what: 'the load is on' });
    await set.failover();
    const beganMs = performance.now();
    await waitUntil(async () => (await set.masterPort()) === set.replica.port, {
      what: 'the replica is promoted',
    });
    const promotedMs = performance.now();
    const first = await waitUntil(
      () => load.acknowledged.find(({ atMs, outcome }) => atMs > promotedMs + 100 && outcome === 'accepted'),
      {
        what: 'events are taken by the new master',
      },
    );
    await sleep(500);
    await load.stop();
    t.comment(
      `promoted after ${Math.round(promotedMs - beganMs)} ms, accepted ${Math.round(first.atMs - promotedMs)} ms later, ${load.refused} refused`,
    );
    await waitUntil(
      async () =>
        (
          await missing(
            harness,
            load.acknowledged.filter(({ atMs }) => atMs < beganMs || atMs > promotedMs + 1_000),
          )
        ).length === 0,
      {
        what: 'all that was acknowledged before and after is applied',
        timeoutMs: handedOverMs,
      },
    );
    t.comment(
      `${(await missing(harness, load.acknowledged)).length} acknowledged by the old master meanwhile are lost`,
    );
    t.same(await doubles(harness), [], 'one effect each');
    await waitUntil(() => everyoneReady(harness), { what: 'all apps are ready' });
  },
);

/**
 * Cuts the replica's link for a moment, then kills the master. Returns the events acknowledged in between, and the
 * lost ones.
 */
async function failOverToLaggard(t: Tap & { comment(text: string): void }, durability: AckDurability) {
  const { set, harness, endpoint } = await startSentinelHarness(t, { durability, spillAgainAfterMs: 1_000 });
  await Promise.all(harness.workers.map((worker) => worker.close())); // what was applied is in Postgres, and never lost
  const load = startLoad(harness, endpoint);
  await waitUntil(() => load.acknowledged.length > 30, { what: 'the load is on' });
  await set.replica.kill('SIGSTOP');
  await ask(set.master.port, (redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'replica')); // or its kernel would deliver the rest
  const cutMs = performance.now();
  await sleep(300); // shorter than the Sentinels' down-after time
  await load.stop();
  await set.master.kill();
  await set.replica.kill('SIGCONT');
  await waitUntil(async () => (await set.masterPort()) === set.replica.port, {
    what: 'the replica is promoted',
  });
  await harness.startWorker();

  const { acknowledged } = load;
  const expected =
    durability === 'postgres' ? acknowledged : acknowledged.filter(({ atMs }) => atMs < cutMs - marginMs);
  await waitUntil(async () => (await missing(harness, expected)).length === 0, {
    what: 'what must be there is applied',
    timeoutMs: handedOverMs,
  });
  const lost = await missing(harness, acknowledged);
  const window = acknowledged.filter(({ atMs }) => atMs >= cutMs);
  t.comment(`${durability}: ${lost.length} of ${window.length} events of the window are lost`);
  return { lost, window, cutMs, doubled: await doubles(harness) };
}

/** Milliseconds that replication may lag when the link is cut. */
const marginMs = 100;

t.test(
  'a failover to a lagging replica loses only what was not yet replicated',
  { skip: noTopology },
  async (t) => {
    const { lost, cutMs, doubled } = await failOverToLaggard(t, 'queue');
    t.ok(lost.length > 0, 'the window is real');
    t.ok(
      lost.every(({ atMs }) => atMs >= cutMs - marginMs),
      'and no larger than the lag',
    );
    t.same(doubled, [], 'one effect each');
  },
);

t.test('with durability `postgres` the same failover loses nothing', { skip: noTopology }, async (t) => {
  const { lost, window, doubled } = await failOverToLaggard(t, 'postgres');
  t.ok(window.length > 0, 'there was a window');
  t.same(lost, []);
  t.same(doubled, [], 'one effect each');
});
