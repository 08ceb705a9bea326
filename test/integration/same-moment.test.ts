import { tables } from '@semel/database';
import t from 'tap';
import { openApplier, permutations } from '../support/apply-told.js';
import { startMs, type Told, tell } from '../support/histories.js';
import { type Tie, ties } from '../support/ties/index.js';
import { createWorld, type TestEndpoint } from '../support/world.js';

// What several events of one moment, and several events that say the same, leave in the database. All kinds of objects, and
// all orders of ids, are in test/unit/providers/ties.test.ts.

const world = await createWorld(t, { receivers: 0, workers: 0 });
const run = openApplier(t, world);
const endpoints = {
  stripe: await world.addEndpoint('stripe', await world.addFirm()),
  square: await world.addEndpoint('square', await world.addFirm()),
};
let made = 0;

/** The row of an object, and what was recorded about it. */
async function lookAt(endpoint: TestEndpoint, entity: keyof typeof tables, externalId: string) {
  const [row] = await world.sql(
    `SELECT * FROM ${tables[entity].table} WHERE firm_id = $1 AND external_id = $2`,
    [endpoint.firmId, externalId],
  );
  const changes = await world.sql<{ event_id: string; change: Record<string, unknown> }>(
    'SELECT event_id, change FROM domain_changes WHERE firm_id = $1 AND entity_type = $2 AND entity_id = $3 ORDER BY id',
    [endpoint.firmId, entity, row?.id],
  );
  return { row: row ?? {}, changes };
}

const as = (told: Told, eventId: string, receivedAtMs = startMs): Told => ({
  ...told,
  event: { ...told.event, eventId: `evt_${eventId}`, receivedAtMs },
});

const chosen = [
  'a payment of an API version of 2018 that fails',
  'a draft that gets two lines',
  'an open invoice: finalized, sent, updated',
  'a payment whose times differ by nanoseconds',
];

for (const tie of ties.filter(({ name }) => chosen.includes(name)))
  t.test(`one moment: ${tie.name}`, async (t) => {
    const [entity, id] = tie.object.split(' ') as [keyof typeof tables, string];
    const places = tie.events.map((_, i) => i);
    for (const arrival of permutations(places))
      for (const ids of permutations(places)) {
        made++;
        const externalId = `${id}_${made}`;
        const told = tie.events.map(([type, overrides], i) =>
          as(tell(tie.provider, type, { ...overrides, id: externalId }), `${made}x${ids[i]}`),
        );
        const endpoint = endpoints[tie.provider as 'stripe' | 'square'];
        const inOrder = arrival.map((at) => told[at] as Told);
        await run(endpoint, inOrder, { groups: made % 2 === 0 ? 1 : inOrder.length });
        const { row } = await lookAt(endpoint, entity, externalId);
        const found = Object.fromEntries(Object.keys(tie.end).map((name) => [name, plain(row[name])]));
        if (!t.strictSame(found, tie.end, `arrival ${arrival}, ids ${ids}`)) return;
      }
  });

/** A `bigint` comes as a text. */
const plain = (value: unknown) =>
  typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;

t.test('two of one moment that nothing tells apart: the one received later, in both orders', async (t) => {
  for (const backwards of [false, true])
    for (const groups of [1, 2]) {
      const id = `in_${++made}`;
      const of = (mark: string) => tell('stripe', 'invoice.updated', { id, metadata: { mark } });
      // The greater id is that of the earlier one.
      const told = [as(of('earlier'), `${made}z`), as(of('later'), `${made}a`, startMs + 1)];
      await run(endpoints.stripe, backwards ? told.reverse() : told, { groups });
      const { row } = await lookAt(endpoints.stripe, 'invoice', id);
      t.same(row.metadata, { mark: 'later' }, backwards ? 'backwards' : 'forwards');
    }
});

/** The same object in two events, `secondsLater` apart; what an object says of its own time stays as it was. */
const cases: [what: string, entity: keyof typeof tables, provider: Tie['provider'], type: string][] = [
  ['a Stripe invoice', 'invoice', 'stripe', 'invoice.paid'],
  ['a Stripe payment', 'payment', 'stripe', 'payment_intent.succeeded'],
  ['a Stripe charge', 'charge', 'stripe', 'charge.succeeded'],
  ['a Stripe refund', 'refund', 'stripe', 'refund.updated'],
  ['a Stripe dispute', 'dispute', 'stripe', 'charge.dispute.updated'],
  ['a Stripe checkout', 'checkout_session', 'stripe', 'checkout.session.completed'],
  ['a Square payment', 'payment', 'square', 'payment.updated'],
  ['a Square invoice', 'invoice', 'square', 'invoice.published'],
];

for (const [what, entity, provider, type] of cases)
  t.test(`${what}, told twice, is recorded once`, async (t) => {
    const endpoint = endpoints[provider];
    for (const secondsLater of [0, 60])
      for (const groups of [1, 2]) {
        const id = `x_${++made}`;
        const first = tell(provider, type, { id });
        const again = laterBy(first, secondsLater);
        const told = [as(first, `${made}a`), as(again, `${made}b`, startMs + 5)];
        t.same(await run(endpoint, told, { groups }), ['applied', 'stale'], `${secondsLater} s, ${groups}`);
        const { row, changes } = await lookAt(endpoint, entity, id);
        t.same(
          changes.map(({ event_id }) => event_id),
          [`evt_${made}a`],
        );
        t.equal(row.order_event, `evt_${made}b`, 'the guard moved all the same');
        const all = await world.sql('SELECT entity_type FROM domain_changes WHERE event_id = $1', [
          `evt_${made}b`,
        ]);
        t.same(all, [], 'nor is anything that follows from it');
      }
  });

/** The same object in an event that was made later. */
function laterBy({ event, body }: Told, seconds: number): Told {
  const message = JSON.parse(body.toString('utf8'));
  const createdAtMs = startMs + seconds * 1000;
  if (event.provider === 'stripe') message.created = createdAtMs / 1000;
  else
    for (const object of Object.values<Record<string, unknown>>(message.data.object))
      object.updated_at = new Date(createdAtMs).toISOString();
  const changed = Buffer.from(JSON.stringify(message));
  return { event: { ...event, createdAtMs, body: { base64: changed.toString('base64') } }, body: changed };
}

t.test('an event between two that say the same still comes too late', async (t) => {
  const id = `pi_${++made}`;
  const processing = tell('stripe', 'payment_intent.processing', { id });
  const between = laterBy(tell('stripe', 'payment_intent.requires_action', { id }), 30);
  const told = [
    as(processing, `${made}a`),
    as(laterBy(processing, 60), `${made}b`),
    as(between, `${made}c`, startMs + 9),
  ];
  t.same(await run(endpoints.stripe, told), ['applied', 'stale', 'stale']);
  const { row, changes } = await lookAt(endpoints.stripe, 'payment', id);
  t.equal(row.status, 'processing');
  t.equal(changes.length, 1);
});

t.test('a charge that its payment brings once more is recorded once', async (t) => {
  for (const groups of [1, 2]) {
    const [id, intent] = [`ch_${++made}`, `pi_${made}`];
    const charge = tell('stripe', 'charge.succeeded', { id, payment_intent: intent });
    const latest_charge = JSON.parse(charge.body.toString('utf8')).data.object;
    const payment = laterBy(tell('stripe', 'payment_intent.succeeded', { id: intent, latest_charge }), 2);
    const told = [as(charge, `${made}a`), as(payment, `${made}b`)];
    t.same(await run(endpoints.stripe, told, { groups }), ['applied', 'applied']);
    t.equal((await lookAt(endpoints.stripe, 'charge', id)).changes.length, 1);
  }
});

t.test('what a payment says of its refunds is recorded once', async (t) => {
  for (const groups of [1, 4]) {
    const [ch, pi] = [`ch_${++made}`, `pi_${made}`];
    const about = { payment_intent: pi, charge: ch };
    const refund = tell('stripe', 'refund.updated', { ...about, id: `re_${made}`, amount: 300 });
    const charge = tell('stripe', 'charge.refunded', { id: ch, payment_intent: pi, amount_refunded: 300 });
    const told = [as(refund, `${made}a`), as(laterBy(refund, 5), `${made}b`)];
    await run(endpoints.stripe, [...told, as(charge, `${made}c`), as(laterBy(charge, 9), `${made}d`)], {
      groups,
    });
    const { row, changes } = await lookAt(endpoints.stripe, 'payment', pi);
    t.equal(row.amount_refunded, '300');
    const amounts = changes.map(({ change }) => change.amount_refunded);
    t.same(new Set(amounts), new Set([300]));
    t.notOk(changes.some(({ event_id }) => event_id === `evt_${made}b` || event_id === `evt_${made}d`));
  }
});
