import { tables } from '@semel/database';
import t from 'tap';
import { openApplier } from '../support/apply-directly.js';
import { startHarness, type TestEndpoint } from '../support/harness.js';
import { type BuiltEvent, buildEvent, startMs } from '../support/histories.js';
import { permutations } from '../support/permutations.js';
import { type Tie, ties } from '../support/ties/index.js';

// The rows after several events of one moment, and after several equal events. All kinds of objects and all orders of
// ids are in test/unit/providers/ties.test.ts.

const harness = await startHarness(t, { receivers: 0, workers: 0 });
const run = openApplier(t, harness);
const endpoints = {
  stripe: await harness.addEndpoint('stripe', await harness.addFirm()),
  square: await harness.addEndpoint('square', await harness.addFirm()),
};
let made = 0;

/** An object's row and its history. */
async function lookAt(endpoint: TestEndpoint, entity: keyof typeof tables, externalId: string) {
  const [row] = await harness.sql(
    `SELECT * FROM ${tables[entity].table} WHERE firm_id = $1 AND external_id = $2`,
    [endpoint.firmId, externalId],
  );
  const changes = await harness.sql<{ event_id: string; change: Record<string, unknown> }>(
    'SELECT event_id, change FROM domain_changes WHERE firm_id = $1 AND entity_type = $2 AND entity_id = $3 ORDER BY id',
    [endpoint.firmId, entity, row?.id],
  );
  return { row: row ?? {}, changes };
}

const as = (built: BuiltEvent, eventId: string, receivedAtMs = startMs): BuiltEvent => ({
  ...built,
  event: { ...built.event, eventId: `evt_${eventId}`, receivedAtMs },
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
        const events = tie.events.map(([type, overrides], i) =>
          as(buildEvent(tie.provider, type, { ...overrides, id: externalId }), `${made}x${ids[i]}`),
        );
        const endpoint = endpoints[tie.provider as 'stripe' | 'square'];
        const inOrder = arrival.map((at) => events[at] as BuiltEvent);
        await run(endpoint, inOrder, { groups: made % 2 === 0 ? 1 : inOrder.length });
        const { row } = await lookAt(endpoint, entity, externalId);
        const found = Object.fromEntries(Object.keys(tie.end).map((name) => [name, plain(row[name])]));
        if (!t.strictSame(found, tie.end, `arrival ${arrival}, ids ${ids}`)) return;
      }
  });

/** A `bigint` is returned as a string. */
const plain = (value: unknown) =>
  typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;

t.test('of two indistinguishable events the one received later wins, in both orders', async (t) => {
  for (const backwards of [false, true])
    for (const groups of [1, 2]) {
      const id = `in_${++made}`;
      const of = (mark: string) => buildEvent('stripe', 'invoice.updated', { id, metadata: { mark } });
      // The earlier event has the greater id.
      const events = [as(of('earlier'), `${made}z`), as(of('later'), `${made}a`, startMs + 1)];
      await run(endpoints.stripe, backwards ? events.reverse() : events, { groups });
      const { row } = await lookAt(endpoints.stripe, 'invoice', id);
      t.same(row.metadata, { mark: 'later' }, backwards ? 'backwards' : 'forwards');
    }
});

/** The same object in two events, `secondsLater` apart; times inside the object stay the same. */
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
  t.test(`${what}, sent twice, is recorded once`, async (t) => {
    const endpoint = endpoints[provider];
    for (const secondsLater of [0, 60])
      for (const groups of [1, 2]) {
        const id = `x_${++made}`;
        const first = buildEvent(provider, type, { id });
        const again = laterBy(first, secondsLater);
        const events = [as(first, `${made}a`), as(again, `${made}b`, startMs + 5)];
        t.same(await run(endpoint, events, { groups }), ['applied', 'stale'], `${secondsLater} s, ${groups}`);
        const { row, changes } = await lookAt(endpoint, entity, id);
        t.same(
          changes.map(({ event_id }) => event_id),
          [`evt_${made}a`],
        );
        t.equal(row.order_event, `evt_${made}b`, 'the guard moved nevertheless');
        const all = await harness.sql('SELECT entity_type FROM domain_changes WHERE event_id = $1', [
          `evt_${made}b`,
        ]);
        t.same(all, [], 'nor is anything that follows from it');
      }
  });

/** The same object in a later event. */
function laterBy({ event, body }: BuiltEvent, seconds: number): BuiltEvent {
  const message = JSON.parse(body.toString('utf8'));
  const createdAtMs = startMs + seconds * 1000;
  if (event.provider === 'stripe') message.created = createdAtMs / 1000;
  else
    for (const object of Object.values<Record<string, unknown>>(message.data.object))
      object.updated_at = new Date(createdAtMs).toISOString();
  const changed = Buffer.from(JSON.stringify(message));
  return { event: { ...event, createdAtMs, body: { base64: changed.toString('base64') } }, body: changed };
}

t.test('an event between two identical ones is still stale', async (t) => {
  const id = `pi_${++made}`;
  const processing = buildEvent('stripe', 'payment_intent.processing', { id });
  const between = laterBy(buildEvent('stripe', 'payment_intent.requires_action', { id }), 30);
  const events = [
    as(processing, `${made}a`),
    as(laterBy(processing, 60), `${made}b`),
    as(between, `${made}c`, startMs + 9),
  ];
  t.same(await run(endpoints.stripe, events), ['applied', 'stale', 'stale']);
  const { row, changes } = await lookAt(endpoints.stripe, 'payment', id);
  t.equal(row.status, 'processing');
  t.equal(changes.length, 1);
});

t.test('a charge that its payment repeats is recorded once', async (t) => {
  for (const groups of [1, 2]) {
    const [id, intent] = [`ch_${++made}`, `pi_${made}`];
    const charge = buildEvent('stripe', 'charge.succeeded', { id, payment_intent: intent });
    const latest_charge = JSON.parse(charge.body.toString('utf8')).data.object;
    const payment = laterBy(
      buildEvent('stripe', 'payment_intent.succeeded', { id: intent, latest_charge }),
      2,
    );
    const events = [as(charge, `${made}a`), as(payment, `${made}b`)];
    t.same(await run(endpoints.stripe, events, { groups }), ['applied', 'applied']);
    t.equal((await lookAt(endpoints.stripe, 'charge', id)).changes.length, 1);
  }
});

t.test("a payment's refunded amount is recorded once", async (t) => {
  for (const groups of [1, 4]) {
    const [ch, pi] = [`ch_${++made}`, `pi_${made}`];
    const about = { payment_intent: pi, charge: ch };
    const refund = buildEvent('stripe', 'refund.updated', { ...about, id: `re_${made}`, amount: 300 });
    const charge = buildEvent('stripe', 'charge.refunded', {
      id: ch,
      payment_intent: pi,
      amount_refunded: 300,
    });
    const events = [as(refund, `${made}a`), as(laterBy(refund, 5), `${made}b`)];
    await run(endpoints.stripe, [...events, as(charge, `${made}c`), as(laterBy(charge, 9), `${made}d`)], {
      groups,
    });
    const { row, changes } = await lookAt(endpoints.stripe, 'payment', pi);
    t.equal(row.amount_refunded, '300');
    const amounts = changes.map(({ change }) => change.amount_refunded);
    t.same(new Set(amounts), new Set([300]));
    t.notOk(changes.some(({ event_id }) => event_id === `evt_${made}b` || event_id === `evt_${made}d`));
  }
});
