import type { Provider } from '@semel/core';
import { providers } from '@semel/providers';
import { claimKey, queueKey } from '@semel/queue';
import t from 'tap';
import { forget } from '../support/forget.js';
import { type Harness, mainTypeOf, startHarness, type TestEndpoint } from '../support/harness.js';
import { assertOneEffect, idOf } from '../support/one-effect.js';
import { waitUntil } from '../support/servers.js';

// Many deliveries of one event have one effect, whatever the state of its claim, job and ledger row.

t.test('concurrent deliveries of one event', async (t) => {
  const harness = await startHarness(t, { receivers: 2 });
  const copies = 200;

  for (const provider of providers)
    for (const receivers of provider === providers[0] ? [1, 2] : [2])
      t.test(
        `${provider.name}: ${copies} concurrent deliveries to ${receivers} receiver(s) have one effect`,
        async (t) => {
          const type = mainTypeOf(provider).type;
          const endpoint = await harness.addEndpoint(provider.name, await harness.addFirm());
          const { body } = harness.buildBody(endpoint, type);
          const eventId = idOf(endpoint, body);
          const before = await countsOf(harness, provider);
          const sent = await Promise.all(
            Array.from({ length: copies }, (_, i) =>
              harness.send(endpoint, type, { body, receiver: i % receivers }),
            ),
          );
          t.ok(
            sent.every(({ status }) => status === 200),
            'every copy is acknowledged',
          );
          t.equal(sent.filter(({ outcome }) => outcome === 'accepted').length, 1, 'one is accepted');
          t.equal(
            sent.filter(({ outcome }) => outcome === 'duplicate').length,
            copies - 1,
            'all others are not',
          );
          await assertOneEffect(t, harness, endpoint, eventId);
          for (const table of mainTypeOf(provider).tables)
            t.equal(
              (await harness.sql(`SELECT 1 FROM ${table} WHERE firm_id = $1`, [endpoint.firmId])).length,
              1,
              `one row in ${table}`,
            );

          await waitUntil(async () => (await countsOf(harness, provider)).final > before.final, {
            what: 'the worker has counted the event, which it does after the commit',
          });
          const after = await countsOf(harness, provider);
          const grown = (name: keyof typeof after) => after[name] - before[name];
          t.equal(grown('own'), copies - 1, 'the counter of the provider');
          t.equal(grown('layers'), copies - 1, 'each is counted in one layer');
          t.equal(grown('ledger'), 0, 'none of them got as far as the ledger');
          t.equal(grown('received accepted'), 1);
          t.equal(grown('received duplicate'), copies - 1);
          t.equal(grown('final'), 1);

          await waitUntil(
            async () => (await harness.applied(provider, eventId)).duplicate_count === String(copies - 1),
            { what: 'the ledger row counts its duplicates' },
          );
          const deliveries = await harness.sql(
            'SELECT outcome, sum(count)::int AS count FROM webhook_deliveries WHERE event_id = $1 GROUP BY 1',
            [eventId],
          );
          t.same(deliveries, [{ outcome: 'duplicate', count: copies - 1 }], 'all of them are in the history');
        },
      );
});

async function countsOf(harness: Harness, { name }: Provider) {
  const layer = (which: string) =>
    harness.metric(`webhook_duplicate_total{provider="${name}",layer="${which}"}`);
  const layers = [await layer('claim'), await layer('queue'), await layer('ledger')] as const;
  const received = (outcome: string) =>
    harness.metric(`webhook_received_total{provider="${name}",outcome="${outcome}"}`);
  return {
    own: await harness.metric(`${name}_webhook_duplicate`),
    layers: layers[0] + layers[1] + layers[2],
    claim: layers[0],
    queue: layers[1],
    ledger: layers[2],
    'received accepted': await received('accepted'),
    'received duplicate': await received('duplicate'),
    'received revived': await received('revived'),
    final: await harness.metric(
      `webhook_applied_total{provider="${name}",outcome="${mainTypeOf({ name }).outcome}"}`,
    ),
  };
}

t.test('each state of claim and job', async (t) => {
  const failing = new Set<string>();
  const harness = await startHarness(t, {
    workers: 0,
    attempts: 1,
    rule: (provider) => ({
      ...provider,
      changesOf: (event, body) => {
        if (failing.has(event.eventId)) throw new Error('the handler fails');
        return provider.changesOf(event, body);
      },
    }),
  });
  const due: { endpoint: TestEndpoint; eventId: string }[] = [];

  for (const provider of providers) {
    const type = mainTypeOf(provider).type;
    /** One event, and the answer to its next delivery. */
    const make = async () => {
      const endpoint = await harness.addEndpoint(provider.name, await harness.addFirm());
      const { body } = harness.buildBody(endpoint, type);
      const eventId = idOf(endpoint, body);
      const claim = claimKey(provider.name, eventId);
      const job = queueKey(provider.name, eventId);
      const deliver = async () => (await harness.send(endpoint, type, { body })).outcome;
      return { endpoint, eventId, claim, job, deliver };
    };
    const layerOf = async (deliver: () => Promise<string | null>, layer: 'claim' | 'queue') => {
      const before = await countsOf(harness, provider);
      const outcome = await deliver();
      const after = await countsOf(harness, provider);
      return { outcome, counted: after[layer] - before[layer], all: after.own - before.own };
    };
    const once = (outcome: string) => ({ outcome, counted: 1, all: 1 });

    t.test(`${provider.name}: before a worker runs`, async (t) => {
      t.test('the claim expired, the job waits: duplicate', async (t) => {
        const { endpoint, eventId, claim, deliver } = await make();
        t.equal(await deliver(), 'accepted');
        t.same(await layerOf(deliver, 'claim'), once('duplicate'), 'by its claim');
        await harness.redis.del(claim);
        t.same(await layerOf(deliver, 'queue'), once('duplicate'), 'by its job');
        due.push({ endpoint, eventId });
      });

      t.test('the receiver died after the claim: enqueued, and duplicate', async (t) => {
        const { endpoint, eventId, claim, job, deliver } = await make();
        await harness.redis.set(claim, `pending|${endpoint.firmId}`, 'PX', 60_000);
        t.same(await layerOf(deliver, 'queue'), once('duplicate'));
        t.equal(await harness.redis.exists(job), 1, 'the job is there');
        t.match(await harness.redis.get(claim), /^queued/, 'and the claim says so');
        due.push({ endpoint, eventId });
      });

      t.test('the receiver died after the enqueue: duplicate', async (t) => {
        const { endpoint, eventId, claim, deliver } = await make();
        t.equal(await deliver(), 'accepted');
        await harness.redis.set(claim, `pending|${endpoint.firmId}`, 'PX', 60_000);
        t.same(await layerOf(deliver, 'queue'), once('duplicate'));
        due.push({ endpoint, eventId });
      });

      t.test('the claim says queued, the job is lost: enqueued again', async (t) => {
        const { endpoint, eventId, job, claim, deliver } = await make();
        await harness.redis.set(claim, `queued|${endpoint.firmId}`, 'PX', 60_000);
        const before = await countsOf(harness, provider);
        t.equal(await deliver(), 'revived');
        t.equal(await harness.redis.exists(job), 1, 'the job is there');
        t.equal((await countsOf(harness, provider)).own, before.own, 'a revived event is no duplicate');
        t.equal(await deliver(), 'duplicate', 'the next one is');
        due.push({ endpoint, eventId });
      });
    });
  }

  t.test('once a worker runs, each event has one effect', async (t) => {
    await harness.startWorker();
    t.equal(due.length, 4 * providers.length);
    for (const { endpoint, eventId } of due) await assertOneEffect(t, harness, endpoint, eventId);
  });

  for (const provider of providers) {
    const type = mainTypeOf(provider).type;
    const name = provider.name;

    t.test(`${name}: the job failed: the next delivery enqueues it again`, async (t) => {
      const endpoint = await harness.addEndpoint(name, await harness.addFirm());
      const { body } = harness.buildBody(endpoint, type);
      const eventId = idOf(endpoint, body);
      const deliver = async () => (await harness.send(endpoint, type, { body })).outcome;
      failing.add(eventId);
      t.equal(await deliver(), 'accepted');
      const isDead = async (attempts: number) => {
        await waitUntil(async () => (await harness.attemptsOf(eventId)).length === attempts, {
          what: 'it is dead',
        });
        await waitUntil(
          async () => (await harness.redis.zscore(`{semel:${name}}:${name}:failed`, eventId)) !== null,
          {
            what: 'the job has failed',
          },
        );
      };
      await isDead(1);
      t.match(await harness.applied(provider, eventId, 'dead'), { last_error: 'the handler fails' });
      const before = await countsOf(harness, provider);
      t.equal(await deliver(), 'revived', 'by its claim');
      await isDead(2);
      await harness.redis.del(claimKey(provider.name, eventId));
      failing.delete(eventId);
      t.equal(await deliver(), 'revived', 'by its job, after the handler was repaired');
      await assertOneEffect(t, harness, endpoint, eventId);
      t.equal((await countsOf(harness, provider)).own, before.own, 'a revived event is no duplicate');
      t.same(
        (await harness.attemptsOf(eventId)).map(({ outcome }) => outcome),
        ['dead', 'dead', mainTypeOf(provider).outcome],
        'the whole story is kept',
      );
    });

    t.test(`${name}: claim and job are lost: the ledger finds the duplicate`, async (t) => {
      const endpoint = await harness.addEndpoint(name, await harness.addFirm());
      const { body } = harness.buildBody(endpoint, type);
      const eventId = idOf(endpoint, body);
      const deliver = async () => (await harness.send(endpoint, type, { body })).outcome;
      t.equal(await deliver(), 'accepted');
      const row = await assertOneEffect(t, harness, endpoint, eventId);
      const changes = () => harness.sql('SELECT * FROM domain_changes WHERE event_id = $1', [eventId]);
      const changed = await changes();

      const before = await countsOf(harness, provider);
      const ledgerCounts = async (count: number) =>
        waitUntil(async () => (await countsOf(harness, provider)).ledger === before.ledger + count, {
          what: `the ledger has found ${count}`,
        });
      await forget(harness, provider, eventId);
      t.equal(await deliver(), 'accepted', 'the receiver can not know');
      await ledgerCounts(1);
      await waitUntil(
        async () => (await harness.redis.get(claimKey(provider.name, eventId)))?.startsWith('done') === true,
        { what: 'the claim is done again' },
      );
      await harness.redis.del(claimKey(provider.name, eventId));
      t.equal(await deliver(), 'revived', 'the job is completed, and judged again');
      await ledgerCounts(2);
      const after = await countsOf(harness, provider);
      t.equal(after.own - before.own, 2, 'counted once each');
      t.equal(after.layers - before.layers, 2);
      t.same(await changes(), changed, 'nothing changed');
      await assertOneEffect(t, harness, endpoint, eventId);
      t.same(
        (
          await harness.sql(
            `SELECT applied_at, outcome FROM ${provider.ledger.table} WHERE idempotency_key = $1`,
            [`${name}:${eventId}`],
          )
        )[0],
        { applied_at: row.applied_at, outcome: mainTypeOf(provider).outcome },
        'the row is final',
      );
      await waitUntil(async () => (await harness.applied(provider, eventId)).duplicate_count === '2', {
        what: 'the ledger row counts them',
      });
    });
  }
});
