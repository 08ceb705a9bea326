import { setTimeout as sleep } from 'node:timers/promises';
import { openProducerRedis, openQueue } from '@semel/queue';
import t from 'tap';
import { waitUntil } from '../../support/wait-until.js';
import { providerNames } from '../bodies.js';
import { buildApps } from '../build-apps.js';
import type { HarnessApp } from '../fault-harness.js';
import { startJudgedHarness } from './judged-harness.js';
import { buildNextWorker } from './next-worker.js';

// Apps are stopped while they work.

const [files, nextWorker] = [await buildApps(), await buildNextWorker()];
const harness = await startJudgedHarness({ files, settings: { budgetMs: 20_000 }, patience: 8 });
const everything = [...harness.receivers, ...harness.workers];
const stopMs = 10_000;

t.test('17. SIGTERM to a receiver: requests in flight are answered', async (t) => {
  const [{ app, ways }] = harness.receivers as [HarnessApp];
  const senders = harness.sendersWith({ receivers: [app] });
  ways.redis.delayMs = 500; // three round trips each
  const events = Array.from({ length: 30 }, () => harness.next('stripe'));
  const sending = Promise.all(events.map((event) => senders.send(event)));
  await waitUntil(async () => (await harness.redis.keys('{semel:stripe}:claim:*')).length >= events.length, {
    what: 'all are claimed, and none is answered',
    intervalMs: 10,
  });
  const stopped = app.stop(stopMs);
  const sent = await sending;
  t.ok(await stopped, 'it ended by itself');
  t.same(
    sent.filter(({ unanswered, deliveries }) => unanswered > 0 || deliveries > 1),
    [],
    'each was answered, at its first attempt',
  );
  ways.redis.delayMs = 0;
  await app.start();
  await harness.judge(t);
});

t.test('17. SIGTERM to everything under load', async (t) => {
  const load = harness.load();
  for (let i = 0; i < 2; i++) {
    await sleep(500);
    const stopped = await Promise.all(everything.map(({ app }) => app.stop(stopMs)));
    t.same(
      stopped,
      everything.map(() => true),
      'all ended in time, by themselves',
    );
    await Promise.all(everything.map(({ app }) => app.start()));
  }
  await sleep(300);
  await load.end();
  await harness.judge(t);
});

t.test('17. rolling restart with an older worker still running', async (t) => {
  const [older, newer] = harness.workers as [HarnessApp, HarnessApp];
  await newer.app.stop(stopMs);
  newer.app.configure({ file: nextWorker });
  const load = harness.load();
  for (const { app } of harness.receivers) {
    app.configure({ jobVersion: 3 });
    t.ok(await app.stop(stopMs));
    await app.start();
  }
  // The older worker alone: it must leave jobs of the newer version to the other.
  const delayed = async () => {
    const counts = await Promise.all(
      providerNames.map((name) => harness.redis.zcard(`{semel:${name}}:${name}:delayed`)),
    );
    return counts.reduce((sum, n) => sum + n, 0);
  };
  await waitUntil(async () => (await delayed()) > 20, { what: 'the older worker puts jobs off' });
  await newer.app.start();
  await sleep(500);
  await load.end();
  t.ok(await older.app.stop(stopMs));

  // Their delay is half a minute; the test promotes them instead of waiting.
  const client = openProducerRedis(harness.servers.redis.url, 5_000);
  t.teardown(() => client.disconnect());
  await waitUntil(() => client.status === 'ready', { what: 'Redis is there' });
  for (const name of providerNames) {
    const queue = openQueue(client, name);
    for (const job of await queue.getDelayed()) {
      t.equal(job.attemptsMade, 0, 'put off without an attempt');
      await job.promote().catch(() => undefined); // its delay has passed already
    }
    await queue.close();
  }
  await harness.judge(t);
  const { rows } = await harness.sql.query(
    "SELECT event_id FROM webhook_attempts WHERE outcome IN ('failed', 'dead')",
  );
  t.same(rows, [], 'none failed');
});
