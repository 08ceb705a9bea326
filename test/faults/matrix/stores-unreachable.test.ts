import { setTimeout as sleep } from 'node:timers/promises';
import { providers } from '@semel/providers';
import t from 'tap';
import { waitUntil } from '../../support/wait-until.js';
import type { FaultApp } from '../app-process.js';
import { requestOf } from '../bodies.js';
import type { Firm } from '../senders.js';
import { startJudgedHarness } from './judged-harness.js';

// Postgres or both stores are unreachable, and an app starts meanwhile.

/** Scales the providers' retry schedules, so that the longest lasts `scheduleMs`. */
const scheduleMs = 3_000;
const attempts = Math.max(...providers.map(({ retry }) => retry.attempts));
const longestMs = Math.max(
  ...providers.map(({ retry }) =>
    Array.from({ length: attempts - 1 }, (_, i) => retry.delayMs(i + 1)).reduce((sum, ms) => sum + ms, 0),
  ),
);
/** Generous: a busy machine must not look like an unreachable store. */
const budgetMs = 10_000;
const harness = await startJudgedHarness({
  patience: 5,
  settings: { budgetMs, attempts, retryScale: scheduleMs / longestMs },
});
const { redis, postgres } = harness.servers;

/** One delivery of a new event, without retries, and its whole answer. */
async function deliver({ port }: FaultApp) {
  const event = harness.next('stripe');
  const sent = harness.senders.record(event, event.firm);
  sent.untilAcknowledged = false;
  const { key, secret } = (harness.firms[event.firm] as Firm).endpoints.stripe;
  const { publicBaseUrl } = harness;
  const target = { endpointKey: key, secret, publicBaseUrl, retry: 0 };
  const { path, headers, body } = requestOf(event.facts, target);
  const beganMs = Date.now();
  sent.deliveries++;
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body });
  sent.outcomes.set(String(answer.headers.get('x-webhook-outcome')), 1);
  if (answer.ok) {
    sent.acknowledgedBeganMs = beganMs;
    sent.acknowledgedAtMs = Date.now();
  }
  return {
    status: answer.status,
    retryAfter: answer.headers.get('retry-after'),
    text: await answer.text(),
    tookMs: Date.now() - beganMs,
  };
}

async function readiness({ port }: FaultApp) {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  const { checks } = (await answer.json()) as { checks: Record<string, string> };
  return { status: answer.status, checks };
}

const isReady = (app: FaultApp) =>
  waitUntil(
    async () => {
      const { status, checks } = await readiness(app);
      return status === 200 && checks.postgres === 'up' && checks.redis === 'up';
    },
    { what: `${app.name} is ready by itself` },
  );

t.test('11. Postgres unreachable under load, longer than the longest retry schedule', async (t) => {
  const load = harness.load();
  await sleep(500);
  await postgres.kill();
  await sleep(scheduleMs * 1.5);
  await postgres.restart();
  await sleep(300);
  const sent = await load.end();
  t.same(
    sent
      .filter(({ outcomes, unanswered }) => unanswered > 0 || outcomes.has('unavailable'))
      .map((each) => each.eventId),
    [],
    `of ${sent.length} events each delivery was answered 200`,
  );
  const { drainMs } = await harness.judge(t);
  t.comment(`all were applied ${drainMs} ms after the last answer`);
  const { rows } = await harness.sql.query(
    "SELECT event_id, error FROM webhook_attempts WHERE outcome IN ('failed', 'dead')",
  );
  t.same(rows, [], 'it cost no attempt');
});

t.test('12. both stores unreachable', async (t) => {
  await Promise.all([redis.kill(), postgres.kill()]);
  const load = harness.load(10);
  for (const { app } of harness.receivers)
    for (let i = 0; i < 3; i++) {
      const { status, retryAfter, text, tookMs } = await deliver(app);
      t.equal(status, 503, text);
      t.ok(Number(retryAfter) > 0, `Retry-After: ${retryAfter}`);
      t.ok(tookMs < budgetMs * 1.5, `in time: ${tookMs} ms`);
    }
  await Promise.all([redis.restart(), postgres.restart()]);
  for (const { app } of [...harness.receivers, ...harness.workers]) await isReady(app);
  await load.end();
  await harness.judge(t);
});

for (const away of [['redis'], ['postgres'], ['redis', 'postgres']])
  t.test(`13. receiver and worker started while ${away.join(' and ')} are unreachable`, async (t) => {
    const [receiver, worker] = [harness.receivers[0]?.app, harness.workers[0]?.app] as [FaultApp, FaultApp];
    await Promise.all([receiver.kill(), worker.kill()]);
    const stores = away.map((name) => (name === 'redis' ? redis : postgres));
    await Promise.all(stores.map((store) => store.kill()));
    const startedMs = Date.now();
    await Promise.all([receiver.start(), worker.start()]);
    t.ok(Date.now() - startedMs < 30_000, `they answer after ${Date.now() - startedMs} ms`);

    const expected = {
      postgres: away.includes('postgres') ? 'away' : 'up',
      redis: away.includes('redis') ? 'away' : 'up',
    };
    await waitUntil(
      async () => JSON.stringify((await readiness(worker)).checks) === JSON.stringify(expected),
      { what: 'the worker names the unreachable store' },
    );
    t.equal((await readiness(worker)).status, 503);
    await waitUntil(
      async () => JSON.stringify((await readiness(receiver)).checks) === JSON.stringify(expected),
      { what: 'the receiver names the unreachable store' },
    );
    t.equal(
      (await readiness(receiver)).status,
      away.length === 2 ? 503 : 200,
      'one store is enough for a receiver',
    );
    const { status, tookMs, text } = await deliver(receiver);
    // Without Postgres it has never loaded the endpoints, so it cannot answer 404.
    t.equal(status, away.includes('postgres') ? 503 : 200, text);
    t.ok(tookMs < budgetMs * 1.5, `in time: ${tookMs} ms`);

    const load = harness.load(20);
    await sleep(300);
    await Promise.all(stores.map((store) => store.restart()));
    await Promise.all([isReady(receiver), isReady(worker)]);
    await load.end();
    await harness.judge(t);
  });
