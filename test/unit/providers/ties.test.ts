import type { Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';
import { type Model, step } from '../../support/guard-model.js';
import { buildEvent, startMs } from '../../support/histories.js';
import { permutations } from '../../support/permutations.js';
import { type Tie, ties } from '../../support/ties/index.js';

// Several events of one object in one moment, in each order of arrival and of ids: the result must be the last
// event's state, not just any stable state.

/** The rows after these events, which arrive in this order; the n-th event has the n-th id. */
function play(tie: Tie, arrival: readonly number[], ids: readonly number[], gapMs: number): Model {
  const rows: Model = new Map();
  for (const [place, at] of arrival.entries()) {
    const event = { eventId: `evt_${ids[at]}`, receivedAtMs: startMs + place * gapMs };
    step(rows, event, changesOf(tie)[at] ?? []);
  }
  return rows;
}

const known = new Map<Tie, ReturnType<Provider['changesOf']>['changes'][]>();

/** A rule depends only on body and type, so each event is computed once. */
function changesOf(tie: Tie) {
  const changes =
    known.get(tie) ??
    tie.events.map(([type, overrides]) => {
      const { event, body } = buildEvent(tie.provider, type, overrides);
      return (providerNamed(tie.provider) as Provider).changesOf(event, body).changes;
    });
  known.set(tie, changes);
  return changes;
}

for (const tie of ties)
  t.test(`${tie.provider}: ${tie.name}`, async (t) => {
    const orders = permutations(tie.events.map((_, i) => i));
    let runs = 0;
    for (const arrival of orders)
      for (const ids of orders)
        for (const gapMs of [0, 1000]) {
          runs++;
          const { fields } = play(tie, arrival, ids, gapMs).get(tie.object) ?? {};
          for (const [name, due] of Object.entries(tie.end))
            if (JSON.stringify(fields?.[name]) !== JSON.stringify(due))
              throw new Error(
                `${name} is ${JSON.stringify(fields?.[name])}, not ${JSON.stringify(due)}: arrival ${arrival}, ids ${ids}`,
              );
        }
    t.equal(runs, 2 * orders.length ** 2);
  });

t.test('of two indistinguishable objects of one moment the one received later wins', async (t) => {
  const twins: Tie[] = [
    {
      provider: 'stripe',
      name: 'an invoice',
      object: 'invoice in_1',
      events: ['first', 'second'].map((mark) => ['invoice.updated', { id: 'in_1', metadata: { mark } }]),
      end: {},
    },
    {
      provider: 'square',
      name: 'a payment',
      object: 'payment pay_1',
      events: ['first', 'second'].map((mark) => ['payment.updated', { id: 'pay_1', customer_id: mark }]),
      end: {},
    },
  ];
  const both = [0, 1];
  for (const tie of twins)
    for (const ids of permutations(both))
      for (const received of permutations(both))
        for (const applied of permutations(both)) {
          const rows: Model = new Map();
          for (const at of applied) {
            const event = { eventId: `evt_${ids[at]}`, receivedAtMs: startMs + (received[at] ?? 0) };
            step(rows, event, changesOf(tie)[at] ?? []);
          }
          const { metadata, customer_external_id } = rows.get(tie.object)?.fields ?? {};
          const mark = tie.provider === 'stripe' ? (metadata as { mark: string }).mark : customer_external_id;
          t.equal(
            mark,
            received[1] === 1 ? 'second' : 'first',
            `${tie.name}: ids ${ids}, applied ${applied}`,
          );
        }
});
