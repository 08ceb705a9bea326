import type { Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import fc from 'fast-check';

// Histories of one payment as Stripe or Square could send them: realistic bodies, in their true order.

export interface SampleBody {
  type: string;
  body: Buffer;
}

export interface History {
  provider: Provider;
  events: SampleBody[];
  /** The refunded amount in the end; null if an event about it is missing. */
  refunded: number | null;
}

type Step = [type: string, overrides: Record<string, unknown>];

const startMs = Date.UTC(2026, 0, 15, 12);

/** `gaps`: seconds between events; many are 0, the hard case for the guards. */
function buildBodies(provider: Provider, steps: readonly Step[], gaps: readonly number[]): SampleBody[] {
  let nowMs = startMs;
  return steps.map(([type, overrides], i) => {
    nowMs += (gaps[i % Math.max(1, gaps.length)] ?? 0) * 1000;
    const sample = provider.samples.find((candidate) => candidate.type === type);
    if (sample === undefined) throw new Error(`no sample ${type}`);
    return { type, body: sample.build({ account: null, nowMs, overrides }).body };
  });
}

const refundPath = fc.record({
  amount: fc.integer({ min: 1, max: 4_000 }),
  ends: fc.constantFrom('pending', 'succeeded', 'failed'),
});

const common = {
  gaps: fc.array(fc.constantFrom(0, 0, 1, 5), { minLength: 1, maxLength: 8 }),
  refunds: fc.array(refundPath, { maxLength: 3 }),
  dispute: fc.constantFrom('none', 'won', 'lost'),
  /** Which events arrive; the others are not subscribed to. */
  heard: fc.oneof(fc.constant([true]), fc.array(fc.boolean(), { minLength: 5, maxLength: 9 })),
};

let made = 0;

/** `shape`: the object that links payment and invoice. */
export const stripeHistories: fc.Arbitrary<History> = fc
  .record({
    ...common,
    shape: fc.constantFrom('intent', 'invoice', 'invoice_payment', 'checkout', 'charge'),
    /** Authorised and never captured; null where the API version doesn't say. */
    released: fc.constantFrom(0, 0, 2_000, 4_500, null),
    /** The charge lists the released part as a refund. */
    isListed: fc.boolean(),
  })
  .map(({ gaps, refunds, dispute, heard, shape, released, isListed }) => {
    made++;
    const [invoice, intent, charge, dp] = [`in_${made}`, `pi_${made}`, `ch_${made}`, `du_${made}`];
    const pi = { id: intent, ...(shape === 'intent' ? { invoice } : {}) };
    const rest = { id: `re_${made}_rest`, object: 'refund', amount: released, created: startMs / 1000 };
    const ch = {
      id: charge,
      payment_intent: intent,
      amount_captured: released === null ? undefined : 12_500 - released,
      amount_refunded: released ?? 0,
      ...(released && isListed ? { refunds: { data: [rest] } } : {}),
      ...(shape === 'charge' ? { invoice } : {}),
    };
    const inv = { id: invoice, ...(shape === 'invoice' ? { payment_intent: intent } : {}) };
    const steps: Step[] = [
      ['invoice.created', { id: invoice }],
      ['invoice.finalized', inv],
      ['payment_intent.created', pi],
      ['charge.failed', { id: `${charge}0`, payment_intent: intent }],
      ['payment_intent.payment_failed', pi],
      ['charge.succeeded', ch],
      ['payment_intent.succeeded', pi],
      ['invoice.paid', inv],
      ['invoice_payment.paid', { invoice, payment: { type: 'payment_intent', payment_intent: intent } }],
      [
        'checkout.session.completed',
        { payment_intent: intent, ...(shape === 'checkout' ? { invoice } : {}) },
      ],
    ];
    if (shape !== 'invoice_payment') steps.splice(8, 1);
    let refunded = released ?? 0;
    for (const [i, { amount, ends }] of refunds.entries()) {
      const refund = { id: `re_${made}_${i}`, payment_intent: intent, charge, amount };
      refunded += amount;
      steps.push(['refund.created', refund], ['charge.refunded', { ...ch, amount_refunded: refunded }]);
      if (ends !== 'pending') steps.push(['charge.refund.updated', { ...refund, status: 'succeeded' }]);
      if (ends === 'failed') {
        refunded -= amount;
        steps.push(['refund.failed', refund], ['charge.updated', { ...ch, amount_refunded: refunded }]);
      }
    }
    if (dispute !== 'none') {
      const about = { id: dp, payment_intent: intent, charge };
      steps.push(
        ['charge.dispute.created', about],
        ['charge.dispute.updated', about],
        ['charge.dispute.closed', { ...about, status: dispute }],
      );
    }
    const provider = providerNamed('stripe') as Provider;
    const heardSteps = steps.filter((_, i) => heard[i % heard.length]);
    return {
      provider,
      events: buildBodies(provider, heardSteps, gaps),
      refunded: heardSteps.length === steps.length ? refunded : null,
    };
  });

export const squareHistories: fc.Arbitrary<History> = fc
  .record({ ...common, versioned: fc.boolean() })
  .map(({ gaps, refunds, dispute, heard, versioned }) => {
    made++;
    const id = `pay_${made}`;
    const steps: Step[] = [
      ['payment.created', { id }],
      ['payment.updated', { id, status: 'APPROVED' }],
      ['payment.updated', { id }],
    ];
    const at = (version: number) => ({ version: versioned ? version : undefined });
    for (const [i, { amount, ends }] of refunds.entries()) {
      const refund = { id: `${id}_${i}`, payment_id: id, amount_money: { amount, currency: 'USD' } };
      steps.push(['refund.created', { ...refund, ...at(1) }]);
      if (ends === 'succeeded')
        steps.push(
          ['refund.updated', { ...refund, ...at(2) }],
          ['payment.updated', { id, refunded_money: refund.amount_money }],
        );
      if (ends === 'failed') steps.push(['refund.updated', { ...refund, ...at(2), status: 'REJECTED' }]);
    }
    if (dispute !== 'none') {
      const about = { id: `dis_${made}`, disputed_payment: { payment_id: id } };
      steps.push(
        ['dispute.created', { ...about, ...at(1) }],
        ['dispute.evidence.created', { ...about, ...at(2) }],
        ['dispute.state.updated', { ...about, ...at(3), state: dispute.toUpperCase() }],
      );
    }
    const provider = providerNamed('square') as Provider;
    const heardSteps = steps.filter((_, i) => heard[i % heard.length]);
    const total = refunds.reduce((sum, { amount, ends }) => sum + (ends === 'failed' ? 0 : amount), 0);
    return {
      provider,
      events: buildBodies(provider, heardSteps, gaps),
      refunded: heardSteps.length === steps.length && refunds.length > 0 ? total : null,
    };
  });

/** Adds twins of some events, with another id: one change that the provider sends twice. */
export function withTwins(
  { provider, events }: Pick<History, 'provider' | 'events'>,
  which: readonly boolean[],
): SampleBody[] {
  const twins = events
    .filter((_, i) => which[i % Math.max(1, which.length)])
    .map(({ type, body }) => {
      const message = JSON.parse(body.toString('utf8'));
      const key = provider.name === 'stripe' ? 'id' : 'event_id';
      message[key] += provider.name === 'stripe' ? 'twin' : '-twin';
      return { type, body: Buffer.from(JSON.stringify(message)) };
    });
  return [...events, ...twins];
}

/** Sorts the items by their random draws. */
export const shuffled = <T>(items: readonly T[], draws: readonly number[]): T[] =>
  items
    .map((item, i) => ({ item, at: draws[i % Math.max(1, draws.length)] ?? 0, i }))
    .sort((a, b) => a.at - b.at || (a.at % 2 === 0 ? a.i - b.i : b.i - a.i))
    .map(({ item }) => item);
