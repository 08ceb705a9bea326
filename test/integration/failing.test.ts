import type { Provider, WebhookEvent } from '@semel/core';
import { openProducerRedis, openProviderQueue, openQueue, queueKey } from '@semel/queue';
import t from 'tap';
import { forget } from '../support/forget.js';
import {
  changingProviders,
  type Harness,
  identityOf,
  startHarness,
  type TestEndpoint,
} from '../support/harness.js';
import { prepare } from '../support/prepare.js';
import { waitUntil } from '../support/servers.js';

t.jobs = 3; // each has its own servers, and mostly waits

/** Rules that throw for chosen events: `budget` has the remaining failures by event id. */
function failingRule() {
  const budget = new Map<string, number>();
  const rule = (provider: Provider): Provider => ({
    ...provider,
    changesOf(event, body) {
      const left = budget.get(event.eventId) ?? 0;
      if (left > 0) {
        budget.set(event.eventId, left - 1);
        throw new Error('the handler failed: Connection timeout'); // a message that a store outage uses, too
      }
      return provider.changesOf(event, body);
    },
  });
  return { budget, rule };
}

const always = Number.POSITIVE_INFINITY;

t.test('an event whose rule throws', async (t) => {
  const { budget, rule } = failingRule();
  const harness = await startHarness(t, { rule, attempts: 3 });
  const firm = await harness.addFirm();
  const redis = openProducerRedis(harness.redisServer.url, 2_000);
  t.teardown(() => redis.disconnect());
  const applyCount = (provider: Provider, outcome: string) =>
    harness.metric(`webhook_applied_total{provider="${provider.name}",outcome="${outcome}"}`);
  const failuresLogged = (eventId: string) =>
    harness.logs.filter((line) => line.msg === 'event.applyFailed' && line.eventId === eventId);

  for (const provider of changingProviders)
    await t.test(provider.name, async (t) => {
      const endpoint = await harness.addEndpoint(provider.name, firm);
      const queue = openQueue(redis, provider.name);
      t.teardown(() => queue.close());

      await t.test('is retried, and applied once', async (t) => {
        const { type, body, eventId } = prepare(harness, endpoint);
        budget.set(eventId, 1);
        const failed = await applyCount(provider, 'failed');
        t.equal((await harness.send(endpoint, type, { body })).outcome, 'accepted');
        const row = await harness.applied(provider, eventId);
        t.match(row, { attempts: 2, last_error: null });
        t.ok(row.applied_at);
        const attempts = await harness.attemptsOf(eventId);
        t.same(
          attempts.map(({ outcome }) => outcome),
          ['failed', 'applied'],
        );
        t.match(attempts[0]?.error, /the handler failed/);
        const changes = await harness.changesOf(eventId);
        t.equal(new Set(changes.map(({ entity_id }) => entity_id)).size, changes.length);
        t.ok(changes.length > 0);
        t.equal(failuresLogged(eventId).length, 1, 'logged as a failure');
        t.notOk(
          harness.logs.some(
            ({ msg }) => msg === `Duplicate ${provider.name} webhook event received: ${eventId}`,
          ),
          'and never as a duplicate',
        );
        t.equal(await applyCount(provider, 'failed'), failed + 1);
        t.equal(await harness.metric(`${provider.name}_webhook_duplicate`), 0);
        t.equal(await harness.metric(`webhook_record_failed_total{provider="${provider.name}"}`), 0);
      });

      await t.test('is dead after its last attempt, and a redelivery runs it again', async (t) => {
        const { type, body, eventId } = prepare(harness, endpoint);
        budget.set(eventId, always);
        await harness.send(endpoint, type, { body });
        const row = await harness.applied(provider, eventId, 'dead');
        t.match(row, { attempts: 3, applied_at: null, event_raw: body });
        t.same(await harness.outcomesOf(eventId), ['failed', 'failed', 'dead']);
        t.same(await harness.changesOf(eventId), [], 'nothing of it is left behind');
        await waitUntil(async () => (await queue.getJob(eventId))?.isFailed(), {
          what: 'the job is kept as failed',
        });

        budget.delete(eventId);
        const again = await harness.send(endpoint, type, { body });
        t.equal(again.status, 200);
        t.equal(again.outcome, 'revived');
        t.match(await harness.applied(provider, eventId), { attempts: 4, last_error: null });
        t.same(await harness.outcomesOf(eventId), ['failed', 'failed', 'dead', 'applied']);
        t.ok((await harness.changesOf(eventId)).length > 0);
        t.equal(
          await harness.metric(`${provider.name}_webhook_duplicate`),
          0,
          'a revived event is no duplicate',
        );

        const last = await waitUntil(
          async () => {
            const sent = await harness.send(endpoint, type, { body });
            return sent.outcome === 'duplicate' ? sent : undefined;
          },
          { what: 'it is over' },
        );
        t.equal(last.status, 200);
        t.same(await harness.outcomesOf(eventId), ['failed', 'failed', 'dead', 'applied']);
      });

      await t.test('is dead, and runs again when it is requeued from the ledger', async (t) => {
        const { type, body, eventId } = prepare(harness, endpoint);
        budget.set(eventId, always);
        await harness.send(endpoint, type, { body });
        const row = await harness.applied(provider, eventId, 'dead');
        await waitUntil(async () => (await queue.getJob(eventId))?.isFailed(), {
          what: 'the job has failed',
        });
        budget.delete(eventId);

        const providerQueue = openProviderQueue({ redis, provider, attempts: 3 });
        t.teardown(() => providerQueue.close());
        const stored = storedEvent(provider, row);
        t.equal(
          await providerQueue.queue.requeue({ ...stored, firmId: otherFirm }),
          'foreign',
          'not by another firm',
        );
        t.equal(await providerQueue.queue.requeue(stored), 'enqueued');
        await harness.applied(provider, eventId);
        t.same(await harness.outcomesOf(eventId), ['failed', 'failed', 'dead', 'applied']);
        await waitUntil(async () => (await queue.getJob(eventId))?.isCompleted(), {
          what: 'the job has ended',
        });

        t.equal(await providerQueue.queue.requeue(stored), 'enqueued', 'once more, by mistake');
        await waitUntil(async () => (await queue.getJob(eventId))?.isCompleted(), {
          what: 'it is over again',
        });
        t.same(
          await harness.outcomesOf(eventId),
          ['failed', 'failed', 'dead', 'applied'],
          'a final row stays as it is',
        );
      });
    });
});

const otherFirm = '00000000-0000-4000-8000-000000000001';

/** The ledger's copy of an event, as a job. */
function storedEvent(provider: Provider, row: Record<string, unknown>): WebhookEvent {
  return {
    v: 2,
    firmId: row.firm_id as string,
    provider: provider.name,
    eventId: (row.idempotency_key as string).slice(provider.name.length + 1),
    type: row.event_type as string,
    channel: row.channel as string | null,
    endpointId: row.endpoint_id as string,
    account: row.account as string | null,
    createdAtMs: (row.provider_created_at as Date | null)?.getTime() ?? null,
    receivedAtMs: (row.received_at as Date).getTime(),
    body: { base64: (row.event_raw as Buffer).toString('base64') },
    sha256: row.body_sha256 as string,
    ignored: row.ignored_reason as string | null,
  };
}

t.test('a poison event does not fail the other events of its group', async (t) => {
  const { budget, rule } = failingRule();
  const harness = await startHarness(t, { rule, attempts: 3, workers: 0 });
  const firm = await harness.addFirm();

  await t.test('when its rule throws', async (t) => {
    const endpoints = await Promise.all(changingProviders.map(({ name }) => harness.addEndpoint(name, firm)));
    const good: { provider: Provider; eventId: string }[] = [];
    const bad: { provider: Provider; eventId: string }[] = [];
    for (const endpoint of endpoints)
      for (let i = 0; i < 9; i++) {
        const { type, body, eventId } = prepare(harness, endpoint);
        if (i === 4) budget.set(eventId, always);
        (i === 4 ? bad : good).push({ provider: endpoint.provider, eventId });
        t.equal((await harness.send(endpoint, type, { body })).outcome, 'accepted');
      }
    const worker = await harness.startWorker(); // only now: all waiting events form one group
    for (const { provider, eventId } of good) await harness.applied(provider, eventId);
    for (const { provider, eventId } of bad) await harness.applied(provider, eventId, 'dead');
    for (const { eventId } of good) t.same(await harness.outcomesOf(eventId), ['applied']);
    for (const { eventId } of bad) t.same(await harness.outcomesOf(eventId), ['failed', 'failed', 'dead']);
    t.notOk(
      harness.logs.some(({ msg }) => msg === 'worker.paused'),
      'and the worker never rested for it',
    );
    t.notOk(harness.logs.some(({ msg }) => msg === 'event.recordFailed'));
    t.equal((await worker.inject('/readyz')).statusCode, 200);
  });

  await t.test('when no rule can read its body', async (t) => {
    const endpoint = await harness.addEndpoint('stripe', firm);
    const bodies: Record<string, Record<string, unknown>> = {
      'an amount that is a text': { amount_due: '12500' },
      'an amount with a fraction': { amount_due: 0.1 },
      'no amount': { amount_due: undefined },
      'an amount beyond bigint': { amount_due: 1e300 },
    };
    const neighbours: string[] = [];
    for (const [name, overrides] of Object.entries(bodies)) {
      const before = prepare(harness, endpoint);
      const poison = prepare(harness, endpoint, { overrides });
      const after = prepare(harness, endpoint);
      for (const { type, body } of [before, poison, after])
        t.equal((await harness.send(endpoint, type, { body })).outcome, 'accepted', name);
      t.match(await harness.applied(endpoint.provider, poison.eventId, 'dead'), { event_raw: poison.body });
      t.same(await harness.outcomesOf(poison.eventId), ['failed', 'failed', 'dead']);
      neighbours.push(before.eventId, after.eventId);
    }
    for (const eventId of neighbours) {
      await harness.applied(endpoint.provider, eventId);
      t.same(await harness.outcomesOf(eventId), ['applied']);
    }
  });

  await t.test('when its body is JSON that Postgres refuses', async (t) => {
    const endpoint = await harness.addEndpoint('stripe', firm);
    const { body } = prepare(harness, endpoint);
    const odd = [
      String.raw`{"x":"\u0000"}`,
      String.raw`{"x":"\ud83d\\\ude00"}`,
      '{"x":1e999999}',
      `{"x":"${']'.repeat(30_000)}","y":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
      String.raw`{"\ud800":"\udfff"}`,
    ];
    for (const [i, metadata] of odd.entries()) {
      const eventId = `evt_odd_${i}`;
      const text = body
        .toString('utf8')
        .replace(/"id":"evt_[^"]+"/, `"id":"${eventId}"`)
        .replace(/"metadata":\{"matter":"[^"]+"\}/, () => `"metadata":${metadata}`);
      const bytes = Buffer.from(text);
      t.equal((await harness.send(endpoint, 'invoice.paid', { body: bytes })).outcome, 'accepted');
      const row = await waitUntil(
        async () =>
          (
            await harness.sql(
              "SELECT * FROM finance_stripe_webhook_events WHERE stripe_event_id = $1 AND outcome <> 'failed'",
              [eventId],
            )
          )[0],
        { what: `${metadata.slice(0, 30)} is in the ledger, whatever became of it` },
      );
      t.same(row.event_raw, bytes);
      t.equal(row.event_data, null, 'only the searchable copy is left out');
    }
    t.notOk(harness.logs.some(({ msg }) => msg === 'worker.paused'));
  });
});

t.test('a final row is never overwritten by a failure', async (t) => {
  const { budget, rule } = failingRule();
  const harness = await startHarness(t, { rule, attempts: 1 });
  const firm = await harness.addFirm();
  for (const provider of changingProviders) {
    const endpoint = await harness.addEndpoint(provider.name, firm);
    const { type, body, eventId } = prepare(harness, endpoint);
    await harness.send(endpoint, type, { body });
    const before = await harness.applied(provider, eventId);
    await waitUntil(
      async () => (await harness.redis.exists(queueKey(provider.name, `${eventId}:lock`))) === 0,
      {
        what: 'the job has ended',
      },
    );
    await forget(harness, provider, eventId);
    budget.set(eventId, always);
    t.equal((await harness.send(endpoint, type, { body })).outcome, 'accepted', 'Redis has forgotten it');
    await waitUntil(
      () =>
        harness.logs.some(
          ({ msg }) => msg === `Duplicate ${provider.name} webhook event received: ${eventId}`,
        ),
      { what: 'the ledger knows it' },
    );
    const { duplicate_count, last_duplicate_at, ...row } = await harness.applied(provider, eventId);
    const { duplicate_count: _count, last_duplicate_at: _at, ...rowBefore } = before;
    t.same(row, rowBefore, `${provider.name}: the row is as it was`);
    t.same(await harness.outcomesOf(eventId), ['applied']);
    t.notOk(harness.logs.some((line) => line.msg === 'event.applyFailed' && line.eventId === eventId));
  }
});

t.test('a job that the queue fails without running it is dead in the ledger', async (t) => {
  const harness = await startHarness(t, { workers: 0, attempts: 3 });
  const firm = await harness.addFirm();
  const lost: { provider: Provider; eventId: string; endpoint: TestEndpoint; type: string; body: Buffer }[] =
    [];
  for (const provider of changingProviders) {
    const endpoint = await harness.addEndpoint(provider.name, firm);
    const { type, body, eventId } = prepare(harness, endpoint);
    await harness.send(endpoint, type, { body });
    // BullMQ's mark on a job that stalled too often: the next worker fails it instead of running it.
    await harness.redis.hset(
      queueKey(provider.name, eventId),
      'defa',
      'job stalled more than allowable limit',
    );
    lost.push({ provider, eventId, endpoint, type, body });
  }
  await harness.startWorker();
  for (const { provider, eventId, endpoint, type, body } of lost) {
    const row = await harness.applied(provider, eventId, 'dead');
    t.match(row.last_error, /job_lost/, provider.name);
    t.same(row.event_raw, body);
    t.same(await harness.outcomesOf(eventId), ['dead']);
    t.ok(harness.logs.some((line) => line.msg === 'event.applyFailed' && line.eventId === eventId));
    t.equal((await harness.send(endpoint, type, { body })).outcome, 'revived', 'a redelivery runs it');
    await harness.applied(provider, eventId);
    t.same(await harness.outcomesOf(eventId), ['dead', 'applied']);
  }
});

t.test('a job that stalled too often stays applied if its event was applied', async (t) => {
  const harness = await startHarness(t);
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('square', firm);
  const { provider } = endpoint;
  const { type, body, eventId } = prepare(harness, endpoint);
  await harness.send(endpoint, type, { body });
  const row = await harness.applied(provider, eventId);
  await forget(harness, provider, eventId);
  await Promise.all(harness.workers.splice(0).map((worker) => worker.close()));

  const redis = openProducerRedis(harness.redisServer.url, 2_000);
  const { queue, close } = openProviderQueue({ redis, provider, attempts: 3 });
  await waitUntil(() => redis.status === 'ready', { what: 'Redis is there' });
  await queue.add(storedEvent(provider, row));
  await harness.redis.hset(queueKey(provider.name, eventId), 'defa', 'job stalled more than allowable limit');
  await harness.startWorker();
  await waitUntil(
    async () => (await harness.metric('webhook_applied_total{provider="square",outcome="duplicate"}')) === 1,
    { what: 'the listener has looked' },
  );
  t.same(await harness.outcomesOf(eventId), ['applied']);
  t.match(await harness.applied(provider, eventId), { last_error: null, attempts: 1 });
  await close();
  redis.disconnect();
});

t.test('a job of a newer version waits for a worker that can read it', async (t) => {
  const harness = await startHarness(t, { workers: 1 });
  const firm = await harness.addFirm();
  const redis = openProducerRedis(harness.redisServer.url, 2_000);
  t.teardown(() => redis.disconnect());
  await waitUntil(() => redis.status === 'ready', { what: 'Redis is there' });
  for (const provider of changingProviders) {
    const endpoint = await harness.addEndpoint(provider.name, firm);
    const { type, body, eventId } = prepare(harness, endpoint);
    const { queue, close } = openProviderQueue({ redis, provider, attempts: 3 });
    t.teardown(close);
    const jobs = openQueue(redis, provider.name);
    t.teardown(() => jobs.close());
    const event: WebhookEvent = {
      v: 2,
      firmId: firm,
      provider: provider.name,
      eventId,
      type: identityOf(provider, body, harness.buildBody(endpoint, type).channel).type,
      channel: harness.buildBody(endpoint, type).channel,
      endpointId: endpoint.id,
      account: null,
      createdAtMs: null,
      receivedAtMs: Date.now(),
      body: { base64: body.toString('base64') },
      sha256: '0'.repeat(64),
      ignored: null,
    };
    await queue.add({ ...event, v: 3 as 2 });
    const job = await waitUntil(
      async () => {
        const isDelayed = (await jobs.getJobState(eventId)) === 'delayed';
        return isDelayed ? await jobs.getJob(eventId) : undefined;
      },
      { what: `${provider.name}: the job is put off` },
    );
    t.equal(job.attemptsMade, 0, 'without an attempt');
    t.equal(job.data.v, 3, 'and as it was');
    t.ok(job.delay > 5_000, 'for a good while');
    t.same(await harness.sql(`SELECT * FROM ${provider.ledger.table}`), [], 'nothing is written down of it');
    t.equal(await queue.requeue(event), 'alive', 'it is there');

    await job.updateData(event); // as if a worker started that can read the version
    await job.promote();
    await harness.applied(provider, eventId);
    t.same(await harness.outcomesOf(eventId), ['applied']);
  }
  t.notOk(
    harness.logs.some(({ msg }) => msg === 'worker.paused'),
    'no outage is made of it',
  );
});

t.test('an event whose failure cannot be recorded delays no other event', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const firm = await harness.addFirm();
  const { eventId, endpoint, type, body } = await unwritable(harness, firm);
  const others = await Promise.all(changingProviders.map(({ name }) => harness.addEndpoint(name, firm)));
  const good: { provider: Provider; eventId: string }[] = [];
  const sendGood = async () => {
    for (const other of others) {
      const prepared = prepare(harness, other);
      t.equal((await harness.send(other, prepared.type, prepared)).outcome, 'accepted');
      good.push({ provider: other.provider, eventId: prepared.eventId });
    }
  };
  await sendGood();
  t.equal((await harness.send(endpoint, type, { body })).outcome, 'accepted');
  await sendGood();
  await harness.startWorker(); // the failing event is in the middle of a group
  for (const { provider, eventId } of good) {
    await harness.applied(provider, eventId);
    t.same(await harness.outcomesOf(eventId), ['applied']);
  }
  await waitUntil(
    () => harness.logs.some((line) => line.msg === 'event.recordFailed' && line.eventId === eventId),
    {
      what: 'it is logged',
    },
  );
  t.ok((await harness.metric(`webhook_record_failed_total{provider="${endpoint.provider.name}"}`)) > 0);
  t.notOk(
    harness.logs.some(({ msg }) => msg === 'worker.paused'),
    'the store is there: no one rests',
  );
  t.same(await harness.outcomesOf(eventId), []);
  const jobs = openQueue(harness.redis, endpoint.provider.name);
  await waitUntil(async () => (await jobs.getJobState(eventId)) === 'delayed', { what: 'it waits' });
  t.equal((await jobs.getJob(eventId))?.attemptsMade, 0, 'without an attempt');

  await harness.sql('DROP TRIGGER refuse ON finance_stripe_webhook_events');
  await (await jobs.getJob(eventId))?.promote();
  await harness.applied(endpoint.provider, eventId);
  t.same(await harness.outcomesOf(eventId), ['applied'], 'and is applied once it can be');
  await jobs.close();
});

/** An event that the ledger refuses, for a reason other than the connection. */
async function unwritable(harness: Harness, firm: string) {
  const endpoint = await harness.addEndpoint('stripe', firm);
  const prepared = prepare(harness, endpoint);
  await harness.sql(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.stripe_event_id = '${prepared.eventId}' THEN RAISE 'this one does not get in'; END IF;
      RETURN NEW;
    END $$`);
  await harness.sql(
    'CREATE TRIGGER refuse BEFORE INSERT ON finance_stripe_webhook_events FOR EACH ROW EXECUTE FUNCTION refuse()',
  );
  return { ...prepared, endpoint };
}
