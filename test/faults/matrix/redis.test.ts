import { setTimeout as sleep } from 'node:timers/promises';
import { openProducerRedis, openQueue } from '@semel/queue';
import t from 'tap';
import { waitUntil } from '../../support/wait-until.js';
import { providerNames } from '../bodies.js';
import { percentile } from '../percentile.js';
import { startJudgedHarness } from './judged-harness.js';

// Redis dies, is flushed, is unreachable, hangs or is full, while events keep arriving.

/** Limit of one answer, in total. */
const budgetMs = 4_000;
const harness = await startJudgedHarness({ patience: 3, settings: { budgetMs, spillAgainAfterMs: 1_500 } });
const { redis: server } = harness.servers;

const outcomesOf = (sent: Awaited<ReturnType<ReturnType<typeof harness.load>['end']>>) => {
  const sums: Record<string, number> = {};
  for (const { outcomes } of sent)
    for (const [outcome, n] of outcomes) sums[outcome] = (sums[outcome] ?? 0) + n;
  return sums;
};
/** Rows of the spill that wait to be enqueued. */
const waitingInSpill = async () =>
  (await harness.sql.query('SELECT count(*) FILTER (WHERE enqueued_at IS NULL)::int AS n FROM webhook_spill'))
    .rows[0].n as number;

/** Deliveries answered `spilled`. A worker applies their events from Postgres while Redis is full. */
const answeredSpilled = () => harness.all().filter(({ outcomes }) => outcomes.has('spilled')).length;

t.test('8. Redis killed and restarted under load', async (t) => {
  const load = harness.load();
  for (let i = 0; i < 3; i++) {
    await sleep(500);
    await server.kill();
    await sleep(200);
    await server.restart();
  }
  await sleep(300);
  t.comment(outcomesOf(await load.end()));
  await harness.judge(t);
});

const faults: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
  ['unreachable', () => server.kill(), () => server.restart()],
  ['frozen', async () => server.freeze(), async () => server.thaw()],
  [
    'at maxmemory',
    () => harness.redis.config('SET', 'maxmemory', 1),
    () => harness.redis.config('SET', 'maxmemory', 0),
  ],
];
for (const [name, begin, end] of faults)
  t.test(`10. Redis ${name}`, async (t) => {
    const load = harness.load();
    await sleep(500);
    await begin();
    await sleep(300); // until it is detected
    const before = harness.senders.answerMs.length;
    const spilledBefore = answeredSpilled();
    await waitUntil(() => answeredSpilled() > spilledBefore + 60, { what: 'events spill' });
    const answersMs = harness.senders.answerMs.slice(before);
    await end();
    await sleep(300);
    const outcomes = outcomesOf(await load.end());
    t.ok((outcomes.spilled ?? 0) > 60, `spilled: ${outcomes.spilled}`);
    t.notOk(outcomes.unavailable, 'no request was refused');
    const p99Ms = percentile(answersMs, 0.99);
    t.ok(p99Ms < budgetMs, `p99 of ${answersMs.length} answers: ${p99Ms} ms`);
    t.comment(`p50 ${percentile(answersMs, 0.5)} ms, p99 ${p99Ms} ms, budget ${budgetMs} ms`);
    const { drainMs } = await harness.judge(t, { timeoutMs: 30_000 });
    t.comment(`all were applied ${drainMs} ms after the last answer`);
  });

const flushes: number[] = [];
t.test('9. Redis flushed under load, after the relay ran', async (t) => {
  const client = openProducerRedis(server.url, 5_000);
  t.teardown(() => client.disconnect());
  const queues = providerNames.map((name) => openQueue(client, name));
  await waitUntil(() => client.status === 'ready', { what: 'Redis is there' });
  await harness.redis.config('SET', 'maxmemory', 1);
  const load = harness.load();
  const spilledBefore = answeredSpilled();
  await waitUntil(() => answeredSpilled() > spilledBefore + 30, { what: 'events spill' });
  await harness.redis.config('SET', 'maxmemory', 0);
  // No worker runs, so that the flush removes what the relay has enqueued.
  await Promise.all(
    queues.map((queue) => waitUntil(() => queue.pause().then(() => true), { what: 'paused' })),
  );
  await waitUntil(async () => (await waitingInSpill()) === 0, { what: 'the relay has run' });
  await sleep(200);
  flushes.push(Date.now());
  await harness.redis.flushall();
  await sleep(300);
  const sent = await load.end();
  const { lostAllowed, ledgerDuplicates } = await harness.judge(t, { lostBeforeMs: flushes });
  t.comment(
    `${sent.length} events, ${lostAllowed.length} lost of those that were in Redis alone; ${ledgerDuplicates}`,
  );
  t.same(
    lostAllowed.filter((line) => line.includes('spilled')),
    [],
    'none of those that the relay had brought',
  );
  await Promise.all(queues.map((queue) => queue.close()));
});

t.test('9. Redis flushed under load, durability postgres', async (t) => {
  const durability = Object.fromEntries(providerNames.map((name) => [name, 'postgres' as const]));
  for (const { app } of harness.receivers) {
    app.configure({ durability });
    await app.stop(10_000);
    await app.start();
  }
  const load = harness.load();
  for (let i = 0; i < 5; i++) {
    await sleep(300);
    await harness.redis.flushall();
  }
  const sent = await load.end();
  const { lostAllowed } = await harness.judge(t, { lostBeforeMs: flushes });
  const ids = new Set(sent.map(({ eventId }) => eventId));
  t.same(
    lostAllowed.filter((line) => ids.has(line.split(' ')[0]?.replace(/^\w+:/, '') as string)),
    [],
    `of ${sent.length} events none was lost`,
  );
});
