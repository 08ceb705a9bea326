import type { Change, Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';
import { createModel } from '../../support/finance-model.js';
import { eventOf } from './deliveries.js';

// An account keeps the API version that it started with: charges still come in the shapes of 2011 to 2015, written
// here by hand from public sources.

const stripe = providerNamed('stripe') as Provider;
const created = Date.UTC(2026, 0, 15, 12) / 1000;
const paidAt = new Date(created * 1000).toISOString();

const card = { id: 'card_1', object: 'card', last4: '4242', type: 'Visa', exp_month: 1, exp_year: 2030 };
const fees = {
  fee: 86,
  fee_details: [{ amount: 86, currency: 'usd', type: 'stripe_fee', application: null }],
};

/** Without `status`, `captured`, `amount_captured`, `payment_intent` and `balance_transaction`. */
const charge2011 = {
  id: 'ch_1',
  object: 'charge',
  created,
  livemode: false,
  paid: true,
  amount: 10_000,
  currency: 'usd',
  refunded: false,
  disputed: false,
  card,
  customer: 'cus_1',
  description: null,
  failure_message: null,
  amount_refunded: 0,
  invoice: null,
  ...fees,
};

const bodyOf = (type: string, object: unknown, envelope: Record<string, unknown> = {}) =>
  Buffer.from(
    JSON.stringify({
      id: 'evt_1',
      type,
      created,
      livemode: false,
      pending_webhooks: 1,
      data: { object },
      ...envelope,
    }),
  );

function ruled(type: string, object: unknown) {
  const body = bodyOf(type, object);
  const event = eventOf(stripe, body, null);
  return { event, ...stripe.changesOf(event, body) };
}

const changeOf = (entity: string, type: string, object: unknown) =>
  ruled(type, object).changes.find((change) => change.entity === entity) as Change;

/** The payment after these events. */
function paymentAfter(...events: [type: string, object: unknown][]) {
  const model = createModel();
  for (const [type, object] of events) {
    const { event, changes, links } = ruled(type, object);
    model.apply(event, changes, links);
  }
  return model.payments();
}

t.test('a charge without a status', async (t) => {
  t.match(paymentAfter(['charge.succeeded', charge2011]), [
    { payment: 'ch_1', status: 'succeeded', amount: 10_000, amount_refunded: 0, paid_at: paidAt },
  ]);
  const declined = { ...charge2011, paid: false, failure_message: 'Your card was declined.' };
  t.match(paymentAfter(['charge.failed', declined]), [{ status: 'failed', paid_at: null }]);
  const silent = { ...charge2011, paid: false };
  t.match(paymentAfter(['charge.failed', silent]), [{ status: 'failed' }], 'the type says it');
  t.match(paymentAfter(['charge.pending', silent]), [{ status: 'pending', paid_at: null }]);
  t.match(paymentAfter(['charge.updated', { ...charge2011, paid: undefined }]), [{ status: null }]);
});

t.test('`paid` means `succeeded`', async (t) => {
  const paid = { ...charge2011, status: 'paid', captured: true, refunds: [], uncaptured: null };
  t.match(paymentAfter(['charge.succeeded', paid]), [{ status: 'succeeded', paid_at: paidAt }]);
  const intent = {
    id: 'pi_1',
    object: 'payment_intent',
    amount: 10_000,
    status: 'succeeded',
    charges: { object: 'list', count: 1, data: [{ ...paid, payment_intent: 'pi_1' }] },
  };
  t.match(changeOf('charge', 'payment_intent.succeeded', intent).fields, {
    status: 'succeeded',
    paid_at: paidAt,
  });
});

t.test('an authorisation without a capture', async (t) => {
  for (const held of [{ captured: false }, { uncaptured: true }]) {
    const { fields, order } = changeOf('charge', 'charge.succeeded', { ...charge2011, ...held });
    t.match([fields.status, fields.paid_at, order.rank], ['succeeded', null, 1]);
    t.match(
      paymentAfter(['charge.captured', charge2011], ['charge.succeeded', { ...charge2011, ...held }]),
      [{ status: 'succeeded', paid_at: paidAt }],
      'and its capture, which comes first',
    );
  }
});

t.test('refunded amounts', async (t) => {
  const refund = { id: 're_1', object: 'refund', amount: 300, currency: 'usd', created, charge: 'ch_1' };
  for (const [refunds, known] of [
    [[refund], 1], // a plain list
    [{ object: 'list', count: 1, data: [refund] }, 1],
    [[{ ...refund, id: undefined }], 0], // refunds had no id
    [undefined, 0],
  ] as const) {
    const charge = { ...charge2011, amount_refunded: 300, refunds };
    t.match(paymentAfter(['charge.refunded', charge]), [{ amount_refunded: 300 }]);
    const { changes } = ruled('charge.refunded', charge);
    t.equal(changes.filter(({ entity }) => entity === 'refund').length, known);
  }
  const { fields } = changeOf('refund', 'charge.refunded', { ...charge2011, refunds: [refund] });
  t.match(fields, { status: 'succeeded', counts: true, refunded_at: paidAt });
  const whole = { ...charge2011, refunded: true, amount_refunded: undefined };
  t.match(paymentAfter(['charge.refunded', whole]), [{ amount_refunded: 10_000 }], 'only the flag');
});

/** Without an id and without `evidence_details`. */
const dispute2012 = {
  object: 'dispute',
  charge: 'ch_1',
  amount: 10_000,
  currency: 'usd',
  created,
  status: 'needs_response',
  reason: 'general',
  evidence: null,
  evidence_due_by: created + 86_400,
};

t.test('a dispute alone or inside its charge, with or without an id', async (t) => {
  const due = {
    entity: 'dispute',
    refs: { payment_id: { entity: 'payment', externalId: 'ch_1' } },
    fields: {
      status: 'needs_response',
      amount: 10_000,
      due_at: new Date((created + 86_400) * 1000).toISOString(),
    },
  };
  t.match(changeOf('dispute', 'charge.dispute.created', dispute2012), { ...due, externalId: 'ch_1' });
  for (const [dispute, externalId] of [
    [dispute2012, 'ch_1'],
    [{ ...dispute2012, id: 'dp_1' }, 'dp_1'],
  ] as const)
    t.match(changeOf('dispute', 'charge.updated', { ...charge2011, disputed: true, dispute }), {
      ...due,
      externalId,
    });
  t.match(
    paymentAfter(
      ['charge.dispute.closed', { ...dispute2012, status: 'lost' }],
      ['charge.updated', { ...charge2011, dispute: dispute2012 }],
    ),
    [{ payment: 'ch_1', status: 'succeeded', dispute_status: 'lost' }],
    'both name the same one',
  );
  for (const dispute of ['dp_1', null, undefined])
    t.equal(ruled('charge.updated', { ...charge2011, dispute }).changes.length, 2, 'only named');
});

/** Without `status`, `number`, `amount_paid` and `amount_remaining`. */
const invoice2011 = {
  id: 'in_1',
  object: 'invoice',
  date: created,
  period_start: created,
  period_end: created,
  lines: { invoiceitems: [], prorations: [], subscriptions: [] },
  subtotal: 1500,
  total: 1500,
  amount_due: 1500,
  customer: 'cus_1',
  attempted: true,
  attempt_count: 1,
  closed: true,
  paid: true,
  charge: 'ch_1',
  currency: 'usd',
};

t.test('an invoice with flags', async (t) => {
  const fields = (flags: object) =>
    changeOf('invoice', 'invoice.updated', { ...invoice2011, ...flags }).fields;
  t.match(fields({}), { status: 'paid', amount_due: 1500, amount_paid: 1500, amount_remaining: 0 });
  t.match(fields({ amount_due: undefined }), { amount_due: 1500, amount_paid: 1500 });
  const unpaid = { paid: false, closed: false, charge: null };
  t.match(fields(unpaid), { status: 'open', amount_paid: 0, amount_remaining: 1500 });
  t.match(fields({ ...unpaid, forgiven: true }), { status: 'uncollectible' });
  t.match(fields({ ...unpaid, attempted: false, attempt_count: 0 }), { status: 'draft' });
  t.same(ruled('invoice.payment_succeeded', invoice2011).links, {
    invoice_id: { entity: 'invoice', externalId: 'in_1' },
    payment_id: { entity: 'payment', externalId: 'ch_1' },
  });
  const { order } = changeOf('invoice', 'invoice.updated', {
    ...invoice2011,
    lines: { object: 'list', count: 3, data: [] },
  });
  t.equal(order.step.at(-1), 3, '`count` was the name of `total_count`');
});

t.test('an invoice that is paid for by a free plan, and a preview', async (t) => {
  const free = { ...invoice2011, amount_due: 0, total: 0, charge: null };
  t.match(changeOf('invoice', 'invoice.payment_succeeded', free).fields, { status: 'paid', amount_paid: 0 });
  for (const id of [undefined, null, 'upcoming_in_1Qf5', 'in_1'])
    t.match(ruled('invoice.upcoming', { ...invoice2011, id }), {
      changes: [],
      links: {},
      ignored: 'no_object',
    });
  t.match(ruled('invoice.updated', { ...invoice2011, id: 'upcoming_in_1Qf5' }), { ignored: 'no_object' });
});

t.test('the account of an event', async (t) => {
  const account = (envelope: object) =>
    stripe.identify(bodyOf('charge.succeeded', charge2011, { ...envelope }), null).account;
  t.equal(account({ user_id: 'acct_1' }), 'acct_1', 'the name of `account` until 2017');
  t.equal(account({}), null);
  t.equal(account({ account: 'acct_1', context: 'org_1/acct_2' }), 'acct_1');
  for (const context of ['acct_1', 'org_1/acct_1', 'org_1/org_2/acct_1', 'acct_2/acct_1', 'org_1/acct_1/'])
    t.equal(account({ context }), 'acct_1', context);
  for (const context of ['org_1', 'acct_1/org_1', 'acct_', 'acct_1:x', '', '/', null, {}, 7])
    t.equal(account({ context }), null, String(context));
});
