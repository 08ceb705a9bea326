import type { Provider } from '@semel/core';
import { providers } from '@semel/providers';
import { claimKey, queueKey } from '@semel/queue';
import t from 'tap';
import { forget } from '../support/forget.js';
import { assertOneEffect, idOf } from '../support/one-effect.js';
import { waitUntil } from '../support/servers.js';
import { createWorld, mainTypeOf, type TestEndpoint, type World } from '../support/world.js';

// One event, many deliveries: one effect, whatever the state of its claim, its job and its ledger row.

t.test('many copies at once', async (t) => {
  const world = await createWorld(t, { receivers: 2 });
  const copies = 200;

  for (const provider of providers)
    for (const receivers of provider === providers[0] ? [1, 2] : [2])
      t.test(
        `${provider.name}: ${copies} copies over ${receivers} receiver(s) have one effect`,
        async (t) => {
          const type = mainTypeOf(provider).type;
          const endpoint = await world.addEndpoint(provider.name, await world.addFirm());
          const { body } = world.buildBody(endpoint, type);
          const eventId = idOf(provider, body);
          const before = await countsOf(world, provider);
          const sent = await Promise.all(
            Array.from({ length: copies }, (_, i) =>
              world.send(endpoint, type, { body, receiver: i % receivers }),
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
          await assertOneEffect(t, world, endpoint, eventId);
          for (const table of mainTypeOf(provider).tables)
            t.equal(
              (await world.sql(`SELECT 1 FROM ${table} WHERE firm_id = $1`, [endpoint.firmId])).length,
              1,
              `one row in ${table}`,
            );

          await waitUntil(async () => (await countsOf(world, provider)).final > before.final, {
            what: 'the worker has counted the event, which it does after the commit',
          });
          const after = await countsOf(world, provider);
          const grown = (name: keyof typeof after) => after[name] - before[name];
          t.equal(grown('own'), copies - 1, 'the counter of the provider');
          t.equal(grown('layers'), copies - 1, 'each is counted in one layer');
          t.equal(grown('ledger'), 0, 'none of them got as far as the ledger');
          t.equal(grown('received accepted'), 1);
          t.equal(grown('received duplicate'), copies - 1);
          t.equal(grown('final'), 1);

          await waitUntil(
            async () => (await world.applied(provider, eventId)).duplicate_count === String(copies - 1),
            { what: 'the ledger row counts its duplicates' },
          );
          const deliveries = await world.sql(
            'SELECT outcome, sum(count)::int AS count FROM webhook_deliveries WHERE event_id = $1 GROUP BY 1',
            [eventId],
          );
          t.same(deliveries, [{ outcome: 'duplicate', count: copies - 1 }], 'all of them are in the history');
        },
      );
});

async function countsOf(world: World, { name }: Provider) {
  const layer = (which: string) =>
    world.metric(`webhook_duplicate_total{provider="${name}",layer="${which}"}`);
  const layers = [await layer('claim'), await layer('queue'), await layer('ledger')] as const;
  const received = (outcome: string) =>
    world.metric(`webhook_received_total{provider="${name}",outcome="${outcome}"}`);
  return {
    own: await world.metric(`${name}_webhook_duplicate`),
    layers: layers[0] + layers[1] + layers[2],
    claim: layers[0],
    queue: layers[1],
    ledger: layers[2],
    'received accepted': await received('accepted'),
    'received duplicate': await received('duplicate'),
    'received revived': await received('revived'),
    final: await world.metric(
      `webhook_applied_total{provider="${name}",outcome="${mainTypeOf({ name }).outcome}"}`,
    ),
  };
}

t.test('each state of claim and job', async (t) => {
  const failing = new Set<string>();
  const world = await createWorld(t, {
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
    /** One event, and what the next delivery of it is answered. */
    const make = async () => {
      const endpoint = await world.addEndpoint(provider.name, await world.addFirm());
      const { body } = world.buildBody(endpoint, type);
      const eventId = idOf(provider, body);
      const claim = claimKey(provider.name, eventId);
      const job = queueKey(provider.name, eventId);
      const deliver = async () => (await world.send(endpoint, type, { body })).outcome;
      return { endpoint, eventId, claim, job, deliver };
    };
    const layerOf = async (deliver: () => Promise<string | null>, layer: 'claim' | 'queue') => {
      const before = await countsOf(world, provider);
      const outcome = await deliver();
      const after = await countsOf(world, provider);
      return { outcome, counted: after[layer] - before[layer], all: after.own - before.own };
    };
    const once = (outcome: string) => ({ outcome, counted: 1, all: 1 });

    t.test(`${provider.name}: no worker yet`, async (t) => {
      t.test('the claim is gone, the job waits: duplicate', async (t) => {
        const { endpoint, eventId, claim, deliver } = await make();
        t.equal(await deliver(), 'accepted');
        t.same(await layerOf(deliver, 'claim'), once('duplicate'), 'by its claim');
        await world.redis.del(claim);
        t.same(await layerOf(deliver, 'queue'), once('duplicate'), 'by its job');
        due.push({ endpoint, eventId });
      });

      t.test('the receiver died after the claim: enqueued, and duplicate', async (t) => {
        const { endpoint, eventId, claim, job, deliver } = await make();
        await world.redis.set(claim, `pending|${endpoint.firmId}`, 'PX', 60_000);
        t.same(await layerOf(deliver, 'queue'), once('duplicate'));
        t.equal(await world.redis.exists(job), 1, 'the job is there');
        t.match(await world.redis.get(claim), /^queued/, 'and the claim says so');
        due.push({ endpoint, eventId });
      });

      t.test('the receiver died after the enqueue: duplicate', async (t) => {
        const { endpoint, eventId, claim, deliver } = await make();
        t.equal(await deliver(), 'accepted');
        await world.redis.set(claim, `pending|${endpoint.firmId}`, 'PX', 60_000);
        t.same(await layerOf(deliver, 'queue'), once('duplicate'));
        due.push({ endpoint, eventId });
      });

      t.test('the claim says queued, the job is lost: revived', async (t) => {
        const { endpoint, eventId, job, claim, deliver } = await make();
        await world.redis.set(claim, `queued|${endpoint.firmId}`, 'PX', 60_000);
        const before = await countsOf(world, provider);
        t.equal(await deliver(), 'revived');
        t.equal(await world.redis.exists(job), 1, 'the job is there');
        t.equal((await countsOf(world, provider)).own, before.own, 'a revived event is no duplicate');
        t.equal(await deliver(), 'duplicate', 'the next one is');
        due.push({ endpoint, eventId });
      });
    });
  }

  t.test('once a worker runs, each of them has one effect', async (t) => {
    await world.startWorker();
    t.equal(due.length, 4 * providers.length);
    for (const { endpoint, eventId } of due) await assertOneEffect(t, world, endpoint, eventId);
  });

  for (const provider of providers) {
    const type = mainTypeOf(provider).type;
    const name = provider.name;

    t.test(`${name}: the job failed: the next delivery revives it`, async (t) => {
      const endpoint = await world.addEndpoint(name, await world.addFirm());
      const { body } = world.buildBody(endpoint, type);
      const eventId = idOf(provider, body);
      const deliver = async () => (await world.send(endpoint, type, { body })).outcome;
      failing.add(eventId);
      t.equal(await deliver(), 'accepted');
      const isDead = async (attempts: number) => {
        await waitUntil(async () => (await world.attemptsOf(eventId)).length === attempts, {
          what: 'it is dead',
        });
        await waitUntil(
          async () => (await world.redis.zscore(`{semel:${name}}:${name}:failed`, eventId)) !== null,
          {
            what: 'the job has failed',
          },
        );
      };
      await isDead(1);
      t.match(await world.applied(provider, eventId, 'dead'), { last_error: 'the handler fails' });
      const before = await countsOf(world, provider);
      t.equal(await deliver(), 'revived', 'by its claim');
      await isDead(2);
      await world.redis.del(claimKey(provider.name, eventId));
      failing.delete(eventId);
      t.equal(await deliver(), 'revived', 'by its job, after the handler was repaired');
      await assertOneEffect(t, world, endpoint, eventId);
      t.equal((await countsOf(world, provider)).own, before.own, 'a revived event is no duplicate');
      t.same(
        (await world.attemptsOf(eventId)).map(({ outcome }) => outcome),
        ['dead', 'dead', mainTypeOf(provider).outcome],
        'the whole story is kept',
      );
    });

    t.test(`${name}: claim and job forgotten: the ledger knows`, async (t) => {
      const endpoint = await world.addEndpoint(name, await world.addFirm());
      const { body } = world.buildBody(endpoint, type);
      const eventId = idOf(provider, body);
      const deliver = async () => (await world.send(endpoint, type, { body })).outcome;
      t.equal(await deliver(), 'accepted');
      const row = await assertOneEffect(t, world, endpoint, eventId);
      const changes = () => world.sql('SELECT * FROM domain_changes WHERE event_id = $1', [eventId]);
      const changed = await changes();

      const before = await countsOf(world, provider);
      const ledgerCounts = async (count: number) =>
        waitUntil(async () => (await countsOf(world, provider)).ledger === before.ledger + count, {
          what: `the ledger has found ${count}`,
        });
      await forget(world, provider, eventId);
      t.equal(await deliver(), 'accepted', 'the receiver can not know');
      await ledgerCounts(1);
      await waitUntil(
        async () => (await world.redis.get(claimKey(provider.name, eventId)))?.startsWith('done') === true,
        { what: 'the claim is done again' },
      );
      await world.redis.del(claimKey(provider.name, eventId));
      t.equal(await deliver(), 'revived', 'the job is completed, and judged again');
      await ledgerCounts(2);
      const after = await countsOf(world, provider);
      t.equal(after.own - before.own, 2, 'counted once each');
      t.equal(after.layers - before.layers, 2);
      t.same(await changes(), changed, 'nothing changed');
      await assertOneEffect(t, world, endpoint, eventId);
      t.same(
        (
          await world.sql(
            `SELECT applied_at, outcome FROM ${provider.ledger.table} WHERE idempotency_key = $1`,
            [`${name}:${eventId}`],
          )
        )[0],
        { applied_at: row.applied_at, outcome: mainTypeOf(provider).outcome },
        'the row is final',
      );
      await waitUntil(async () => (await world.applied(provider, eventId)).duplicate_count === '2', {
        what: 'the ledger row counts them',
      });
    });
  }
});
