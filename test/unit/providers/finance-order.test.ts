import type { EntityRef, Provider } from '@semel/core';
import fc from 'fast-check';
import t from 'tap';
import {
  type History,
  type SampleBody,
  shuffled,
  squareHistories,
  stripeHistories,
  withTwins,
} from '../../support/finance-history.js';
import { createModel } from '../../support/finance-model.js';
import { eventOf } from './deliveries.js';

// The rules of Stripe and Square over an in-memory model of the database. The database itself is tested against the
// same model in test/integration/finance.test.ts.

const seed = Date.now() & 0xfffffff;

/** Final states. */
const finals: Record<string, readonly string[]> = {
  invoice: ['paid', 'void', 'deleted'],
  payment: ['succeeded', 'canceled', 'COMPLETED', 'CANCELED', 'FAILED'],
  refund: ['failed', 'canceled', 'COMPLETED', 'REJECTED', 'FAILED'],
  dispute: ['won', 'lost', 'WON', 'LOST', 'ACCEPTED'],
};

/** Applies all events; `left` lists objects that left a final state. */
function run(provider: Provider, bodies: readonly SampleBody[]) {
  const model = createModel();
  const left: string[] = [];
  for (const { body } of bodies) {
    const event = eventOf(provider, body, null);
    const { changes, links } = provider.changesOf(event, body);
    const before = changes.map((ref) => model.statusOf(ref));
    model.apply(event, changes, links);
    for (const [i, ref] of changes.entries())
      if (isFinal(ref, before[i]) && !isFinal(ref, model.statusOf(ref)))
        left.push(`${ref.entity}: ${before[i]} → ${model.statusOf(ref)}`);
  }
  return { end: { invoices: model.invoices(), payments: model.payments() }, left };
}

const isFinal = (ref: EntityRef, status: unknown) => finals[ref.entity]?.includes(String(status)) === true;

const rules: [string, fc.Arbitrary<History>][] = [
  ['Stripe', stripeHistories],
  ['Square', squareHistories],
];
for (const [name, histories] of rules)
  t.test(`${name}: any order, repetition and twin event end as the original order`, async (t) => {
    t.comment(`seed ${seed}`);
    const draws = fc.array(fc.nat(99), { minLength: 1, maxLength: 60 });
    const twins = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(histories, draws, twins, (history, order, which) => {
        const all = withTwins(history, which);
        const inOrder = run(history.provider, all);
        const mixed = run(history.provider, shuffled([...all, ...all], order));
        t.strictSame(mixed.end, inOrder.end);
        t.strictSame(mixed.left, []);
        const { refunded } = history;
        if (refunded !== null) t.equal(mixed.end.payments[0]?.amount_refunded, refunded, 'and is right');
        if (!t.passing()) throw new Error('see above');
      }),
      { seed, numRuns: 1_000, endOnFailure: true },
    );
  });
