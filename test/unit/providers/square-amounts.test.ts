import type { Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';
import { createModel } from '../../support/finance-model.js';
import { type BuiltEvent, buildEvent, startMs } from '../../support/histories.js';
import { permutations } from '../../support/permutations.js';

// Amount and payment time of Square payments.

const square = providerNamed('square') as Provider;
const usd = (amount: number) => ({ amount, currency: 'USD' });
const isoAt = (seconds: number) => new Date(startMs + seconds * 1000).toISOString();

const fieldsOf = (type: string, overrides: Record<string, unknown>) => {
  const { event, body } = buildEvent('square', type, overrides);
  return square.changesOf(event, body).changes[0]?.fields;
};

function endOf(events: readonly BuiltEvent[]) {
  const model = createModel();
  for (const { event, body } of events) {
    const { changes, links } = square.changesOf(event, body);
    model.apply(event, changes, links);
  }
  return model.payments()[0];
}

t.test('the amount is the total: with a tip, a surcharge, and tax that Square adds', async (t) => {
  const amount = (money: Record<string, unknown>) =>
    fieldsOf('payment.updated', { amount_money: usd(1000), ...money });
  t.match(amount({ tip_money: usd(200), total_money: usd(1200) }), { amount: 1200, currency: 'USD' });
  t.match(amount({ amount_money: usd(100), surcharge_money: usd(50), total_money: usd(150) }), {
    amount: 150,
  });
  t.match(amount({ tax_money: usd(80), total_money: usd(1080) }), { amount: 1080 });
  t.match(amount({ total_money: usd(1000) }), { amount: 1000 });
  t.match(amount({ total_money: usd(0) }), { amount: 0 }, 'a total of nothing is a total');
  for (const total_money of [undefined, null]) t.match(amount({ total_money }), { amount: 1000 });
});

t.test('the refunded amount is part of the total', async (t) => {
  const of = { id: 'pay_1', amount_money: usd(1000), tip_money: usd(200), total_money: usd(1200) };
  const events = [
    buildEvent('square', 'payment.updated', of),
    buildEvent('square', 'refund.updated', { id: 'r_1', payment_id: 'pay_1', amount_money: usd(1200) }),
    buildEvent('square', 'payment.updated', { ...of, refunded_money: usd(1200), updated_at: isoAt(9) }),
  ];
  for (const order of permutations(events)) t.match(endOf(order), { amount: 1200, amount_refunded: 1200 });
});

const part = (due: number, paid?: number) => ({
  computed_amount_money: usd(due),
  ...(paid === undefined ? {} : { total_completed_amount_money: usd(paid) }),
});

t.test("an invoice's open amount is the sum of its unpaid parts", async (t) => {
  const sums = (status: string, payment_requests: unknown[]) =>
    fieldsOf('invoice.payment_made', { status, payment_requests });
  t.match(
    sums('PARTIALLY_PAID', [part(500, 500), part(1000, 0)]),
    { amount_due: 1500, amount_paid: 500, amount_remaining: 1000 },
    'in parts',
  );
  t.match(
    sums('PARTIALLY_PAID', [part(503, 505), part(1000)]),
    { amount_due: 1503, amount_paid: 505, amount_remaining: 1000 },
    'cash that was rounded up pays nothing of the other part',
  );
  t.match(sums('PAID', [part(1500, 1800)]), { amount_paid: 1800, amount_remaining: 0 }, 'with a tip');
  t.match(sums('PAID', [part(1502, 1500)]), { amount_paid: 1500, amount_remaining: 0 }, 'rounded down');
});

const sources: [source: string, details: Record<string, unknown>][] = [
  ['CASH', { cash_details: { buyer_supplied_money: usd(12_500) } }],
  ['EXTERNAL', { external_details: { type: 'CHECK', source: 'Bank' } }],
  ['BANK_ACCOUNT', { bank_account_details: { bank_name: 'Bank', transfer_type: 'ACH' } }],
  ['WALLET', { wallet_details: { status: 'CAPTURED', brand: 'CASH_APP' } }],
  ['BUY_NOW_PAY_LATER', { buy_now_pay_later_details: { brand: 'AFTERPAY' } }],
  ['CARD', { card_details: { status: 'CAPTURED' } }],
];

for (const [source_type, details] of sources)
  t.test(`${source_type}: paid at the earliest completed event, whatever comes later`, async (t) => {
    const of = { id: 'pay_1', card_details: undefined, source_type, ...details, created_at: isoAt(0) };
    const events = [
      buildEvent('square', 'payment.created', { ...of, status: 'PENDING', updated_at: isoAt(0) }),
      buildEvent('square', 'payment.updated', { ...of, updated_at: isoAt(5) }),
      buildEvent('square', 'payment.updated', { ...of, updated_at: isoAt(600), tip_money: usd(100) }),
      buildEvent('square', 'payment.updated', { ...of, updated_at: isoAt(9000), refunded_money: usd(300) }),
    ];
    for (const order of permutations(events))
      t.match(endOf(order), { status: 'COMPLETED', paid_at: isoAt(5), amount_refunded: 300 });
    const timeless = buildEvent('square', 'payment.updated', { ...of, updated_at: undefined });
    t.match(endOf([timeless]), { paid_at: isoAt(0) });
  });

t.test('a card payment has its own capture time', async (t) => {
  const card_details = { card_payment_timeline: { authorized_at: isoAt(1), captured_at: isoAt(3) } };
  const events = [5, 600].map((seconds) =>
    buildEvent('square', 'payment.updated', { id: 'pay_1', card_details, updated_at: isoAt(seconds) }),
  );
  for (const order of permutations(events)) t.match(endOf(order), { paid_at: isoAt(3) });
});

t.test('a failed payment has no payment time', async (t) => {
  for (const status of ['PENDING', 'APPROVED', 'CANCELED', 'FAILED'])
    t.match(endOf([buildEvent('square', 'payment.updated', { id: 'pay_1', status })]), { paid_at: null });
});
