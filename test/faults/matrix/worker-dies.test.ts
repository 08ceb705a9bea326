import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { applyFailpoints } from '../../support/failpoints.js';
import { waitUntil } from '../../support/wait-until.js';
import { eventIdOf, providerNames } from '../bodies.js';
import type { HarnessApp } from '../fault-harness.js';
import type { PlannedEvent } from '../plan.js';
import type { Sent } from '../senders.js';
import { startJudgedHarness } from './judged-harness.js';

// The worker that runs the event dies, loses its connection, or freezes. Another one, or the same one after a
// restart, gets the job again. Times are a tenth of production's.

const harness = await startJudgedHarness({ settings: { lockMs: 2_000, budgetMs: 20_000 }, patience: 8 });
const [first, second] = harness.workers as [HarnessApp, HarnessApp];

const sendOfEach = () => Promise.all(providerNames.map((name) => harness.senders.send(harness.next(name))));

/** Asserts one final attempt and no other, whatever happened to the worker. */
const otherAttempts = async () =>
  (
    await harness.sql.query(
      "SELECT event_id, outcome FROM webhook_attempts WHERE outcome IN ('failed', 'dead')",
    )
  ).rows;

t.test('5. worker dies before, inside and after the transaction, and before the job completes', async (t) => {
  await second.app.kill(); // so that the other one gets the events
  for (const at of applyFailpoints) {
    await first.app.arm({ at, action: 'exit' });
    await sendOfEach();
    t.ok(await first.app.exitAt(at, 20_000), `it died at ${at}`);
    await first.app.start();
  }
  const load = harness.load();
  for (const worker of [first, second, first]) {
    await sleep(300);
    await worker.app.kill();
    await worker.app.start();
  }
  await load.end();
  const { ledgerDuplicates } = await harness.judge(t);
  t.ok(ledgerDuplicates > 0, `jobs whose transaction had committed ran again: ${ledgerDuplicates}`);
  t.same(await otherAttempts(), []);
});

t.test('6. connection cut while COMMIT is in flight', async (t) => {
  for (const verdict of ['cut', 'cut after'] as const) {
    let cuts = 0;
    for (const { ways } of harness.workers)
      ways.postgres.judge = (sql) => (/^COMMIT/i.test(sql) && cuts < 8 && ++cuts > 0 ? verdict : 'pass');
    await Promise.all([sendOfEach(), sendOfEach(), sendOfEach()]);
    await waitUntil(() => cuts >= 4, { what: `transactions ended with "${verdict}"` });
    for (const { ways } of harness.workers) ways.postgres.judge = null;
  }
  await harness.judge(t);
  t.same(await otherAttempts(), [], 'a COMMIT without an answer is no failure');
});

t.test('6. stalls exhausted after a commit', async (t) => {
  await second.app.kill();
  await first.app.arm({ at: 'apply.committed', action: 'exit' });
  const event = harness.next('stripe');
  const eventId = eventIdOf(event.facts);
  await harness.senders.send(event);
  t.ok(await first.app.exitAt('apply.committed', 20_000), 'it died after the commit');
  await harness.redis.hset(`{semel:stripe}:stripe:${eventId}`, 'stc', 1_000_000);
  await first.app.start();
  await second.app.start();
  await waitUntil(
    async () => (await harness.redis.zscore('{semel:stripe}:stripe:failed', eventId)) !== null,
    {
      what: 'the queue gives the job up',
    },
  );
  const { ledgerDuplicates } = await harness.judge(t);
  t.ok(ledgerDuplicates > 0);
  await harness.senders.deliver(harness.all().find((sent) => sent.eventId === eventId) as Sent, false);
  await harness.judge(t);
  t.same(await otherAttempts(), [], 'the end of a job is no end of its event');
});

t.test('7. worker frozen past its lock, inside a transaction', async (t) => {
  const early = harness.next('square');
  await first.app.arm({ at: 'apply.insideTransaction', action: 'pause', pauseMs: 3_000 });
  const gotThere = first.app.hitAt(
    { at: 'apply.insideTransaction', action: 'pause', pauseMs: 3_000 },
    30_000,
  );
  await second.app.kill();
  const victim = await harness.senders.send(early);
  t.ok(await gotThere, 'it is inside the transaction');
  first.app.freeze();
  const frozenMs = Date.now();
  await second.app.start();

  // Events of the same object, which the frozen transaction has locked, and of others.
  const neighbours: PlannedEvent[] = [
    { ...early, facts: { ...early.facts, step: 'final', eventHex: 'f'.repeat(32) } },
  ];
  for (let i = 0; i < 20; i++) neighbours.push(harness.next());
  await Promise.all(neighbours.map((event) => harness.senders.send(event)));
  const ids = [victim.eventId, ...neighbours.map(({ facts }) => eventIdOf(facts))];
  await waitUntil(
    async () =>
      (await harness.sql.query('SELECT event_id FROM webhook_attempts WHERE event_id = ANY ($1)', [ids]))
        .rowCount === ids.length,
    { what: 'all are applied, although it is still frozen', timeoutMs: 20_000 },
  );
  t.comment(
    `all were applied within ${Date.now() - frozenMs} ms; the lock of a job lasts ${harness.lockMs} ms`,
  );
  first.app.thaw();
  await waitUntil(async () => (await fetch(`http://127.0.0.1:${first.app.port}/readyz`)).ok, {
    what: 'it is back',
  });
  await sendOfEach();
  await harness.judge(t);
  t.same(await otherAttempts(), []);
});
