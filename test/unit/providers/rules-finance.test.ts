import type { Change, Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';
import { changesOfSample, nowMs } from './deliveries.js';

const stripe = providerNamed('stripe') as Provider;
const square = providerNamed('square') as Provider;

const first = (provider: Provider, type: string, overrides = {}): Change =>
  changesOfSample(provider, type, overrides).changes[0] as Change;

const payment = (externalId: string) => ({ entity: 'payment', externalId });
const invoice = (externalId: string) => ({ entity: 'invoice', externalId });

t.test('Stripe: refunds and disputes find their payment, by id or expanded object', async (t) => {
  const named: [Record<string, unknown>, string][] = [
    [{ payment_intent: 'pi_1', charge: 'ch_1' }, 'pi_1'],
    [{ payment_intent: { id: 'pi_1' }, charge: { id: 'ch_1', payment_intent: 'pi_1' } }, 'pi_1'],
    [{ payment_intent: null, charge: { id: 'ch_1', payment_intent: 'pi_1' } }, 'pi_1'],
    [{ payment_intent: null, charge: 'ch_1' }, 'ch_1'],
    [{ payment_intent: undefined, charge: 'ch_1' }, 'ch_1'],
  ];
  for (const type of ['refund.created', 'charge.refund.updated', 'charge.dispute.created'])
    for (const [overrides, id] of named) {
      const { changes, links } = changesOfSample(stripe, type, overrides);
      t.same(changes[0]?.refs, { payment_id: payment(id) }, type);
      t.same(links, { payment_id: payment(id) }, type);
    }
  const none = changesOfSample(stripe, 'refund.created', { payment_intent: null, charge: null });
  t.same(none.changes[0]?.refs, undefined);
  t.same(none.links, {});
});

t.test('a refund counts until it fails', async (t) => {
  const counts = (status: string | null) => first(stripe, 'refund.created', { status }).fields.counts;
  t.same(['pending', 'requires_action', 'succeeded', 'brand_new', null].map(counts), [
    true,
    true,
    true,
    true,
    true,
  ]);
  t.same(['failed', 'canceled'].map(counts), [false, false]);
  const atSquare = (status: string) => first(square, 'refund.created', { status }).fields.counts;
  t.same(['PENDING', 'COMPLETED', 'BRAND_NEW', 'REJECTED', 'FAILED'].map(atSquare), [
    true,
    true,
    true,
    false,
    false,
  ]);
});

t.test('Stripe: the rank of each status', async (t) => {
  const rank = (type: string, overrides: object) => first(stripe, type, overrides).order.rank;
  t.same(
    ['pending', 'brand_new', 'succeeded', 'failed', 'canceled'].map((status) =>
      rank('refund.created', { status }),
    ),
    [0, 0, 1, 2, 2],
  );
  const inquiry = ['warning_needs_response', 'warning_under_review', 'warning_closed'];
  const decided = ['won', 'lost', 'prevented', 'appeal_needs_response'];
  t.same(
    [...inquiry, 'needs_response', 'under_review', ...decided].map((status) =>
      rank('charge.dispute.created', { status }),
    ),
    [0, 1, 2, 3, 4, 5, 5, 5, 5],
    'an inquiry can become a dispute, and what is decided be appealed',
  );
  t.same(
    [{ status: 'pending' }, { captured: false }, {}, { status: 'failed' }].map((state) =>
      rank('charge.updated', state),
    ),
    [0, 1, 2, 2],
  );
  t.same(
    [
      { status: 'open', payment_status: 'unpaid' },
      { status: 'complete', payment_status: 'unpaid' },
      { status: 'complete', payment_status: 'paid' },
      { status: 'expired', payment_status: 'unpaid' },
    ].map((state) => rank('checkout.session.completed', state)),
    [0, 1, 2, 2],
  );
});

t.test('Stripe: within one second the charge with more refunded is the later one', async (t) => {
  const step = (amount_refunded: number | null) =>
    first(stripe, 'charge.updated', { amount_refunded }).order.step[0];
  t.same([null, 1, 300, 12_499, 12_500].map(step), [0, 1, 300, 12_499, 12_500]);
});

t.test('Stripe: a charge without a payment intent is the payment', async (t) => {
  const { changes, links } = changesOfSample(stripe, 'charge.succeeded', {
    id: 'ch_1',
    payment_intent: null,
    invoice: 'in_1',
  });
  t.same(
    changes.map(({ entity, externalId }) => `${entity} ${externalId}`),
    ['payment ch_1', 'charge ch_1', 'invoice_payment in_1|ch_1'],
  );
  t.match(changes[0]?.fields, { status: 'succeeded', amount: 12_500, metadata: { matter: 'M-2026-0042' } });
  t.same(links, { payment_id: payment('ch_1'), invoice_id: invoice('in_1') });
  t.same(
    changesOfSample(stripe, 'charge.succeeded', { id: 'ch_1', payment_intent: 'pi_1' }).changes.map(
      ({ entity }) => entity,
    ),
    ['charge'],
  );
});

t.test('Stripe: charges and refunds embedded in other objects, as in older API versions', async (t) => {
  const refund = { id: 're_1', object: 'refund', amount: 300, status: 'succeeded' };
  const charge = {
    id: 'ch_1',
    object: 'charge',
    amount: 500,
    status: 'succeeded',
    refunds: { data: [refund] },
  };
  for (const shape of [{ charges: { data: [charge] } }, { latest_charge: charge }]) {
    const { changes } = changesOfSample(stripe, 'payment_intent.succeeded', { id: 'pi_1', ...shape });
    t.same(
      changes.map(({ entity, refs }) => [entity, refs?.payment_id?.externalId]),
      [
        ['payment', undefined],
        ['charge', 'pi_1'],
        ['refund', 'pi_1'],
      ],
    );
  }
  t.equal(changesOfSample(stripe, 'payment_intent.succeeded', { latest_charge: 'ch_1' }).changes.length, 1);
});

t.test('Stripe: an invoice can have several payments, and older ones have no status', async (t) => {
  const paid = (id: string) => ({ payment: { type: 'payment_intent', payment_intent: id } });
  const { changes, links } = changesOfSample(stripe, 'invoice.paid', {
    id: 'in_1',
    payments: { data: [paid('pi_2'), paid('pi_1'), { payment: { type: 'payment_record' } }] },
  });
  t.same(
    changes.map(({ externalId }) => externalId),
    ['in_1', 'in_1|pi_2', 'in_1|pi_1'],
  );
  t.same(links, { invoice_id: invoice('in_1'), payment_id: payment('pi_2') });
  const status = (flags: object) =>
    first(stripe, 'invoice.paid', { status: undefined, ...flags }).fields.status;
  t.same(
    [
      { paid: true },
      { forgiven: true },
      { attempted: true },
      { attempted: false },
      { attempted: undefined },
    ].map(status),
    ['paid', 'uncollectible', 'open', 'draft', null],
  );
  const deleted = first(stripe, 'invoice.deleted', { amount_due: undefined });
  t.match(deleted.fields, { status: 'deleted', amount_due: null });
});

t.test('Stripe: an invoice paid outside of Stripe', async (t) => {
  const record = { type: 'payment_record', payment_record: 'pr_1' };
  const { changes, links, ignored } = changesOfSample(stripe, 'invoice_payment.paid', {
    invoice: 'in_1',
    payment: record,
  });
  t.same([changes, links, ignored], [[], { invoice_id: invoice('in_1') }, 'no_object']);
});

t.test('an invalid amount is an error', async (t) => {
  for (const amount of ['12', 1.5, null, Number.MAX_SAFE_INTEGER + 1]) {
    for (const type of ['charge.updated', 'refund.created', 'charge.dispute.created'])
      t.throws(() => changesOfSample(stripe, type, { amount }), /amount is not a whole number/);
    for (const type of ['refund.created', 'dispute.created'])
      t.throws(
        () => changesOfSample(square, type, { amount_money: { amount } }),
        /amount_money is not a whole number/,
      );
  }
});

t.test('Square: version, else time to the nanosecond, else the final state', async (t) => {
  const order = (type: string, overrides: object) => first(square, type, overrides).order;
  t.match(order('refund.updated', { version: 10 }), { rank: 10 });
  t.match(order('dispute.state.updated', { version: 3 }), { rank: 3 });
  const unversioned = { version: undefined, updated_at: '2026-09-01T12:30:00.000000001Z' };
  const timeNs = BigInt(nowMs) * 1_000_000n + 1n;
  t.match(order('refund.updated', { ...unversioned, status: 'PENDING' }), { rank: 0, timeNs, step: [1, 0] });
  t.match(order('refund.updated', { ...unversioned, status: 'COMPLETED' }), {
    rank: 0,
    timeNs,
    step: [1, 1],
  });
  t.match(order('dispute.state.updated', { ...unversioned, state: 'WON' }), {
    rank: 0,
    timeNs,
    step: [1, 1],
  });
});

t.test('Square: refunds and disputes find their payment; an unlinked refund has none', async (t) => {
  for (const about of [{ payment_id: 'pay_1' }])
    t.same(changesOfSample(square, 'refund.updated', about).links, { payment_id: payment('pay_1') });
  for (const about of [
    { disputed_payment: { payment_id: 'pay_1' } },
    { disputed_payment: undefined, disputed_payments: [{ payment_id: 'pay_1' }] },
  ])
    t.same(changesOfSample(square, 'dispute.created', about).links, { payment_id: payment('pay_1') });
  t.same(changesOfSample(square, 'refund.updated', { payment_id: undefined }).links, {});
});
