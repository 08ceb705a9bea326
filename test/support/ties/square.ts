import { of, type Tie, tiesOf } from './tie.js';

const usd = (amount: number) => ({ amount, currency: 'USD' });
const at = (nanos: string) => ({ updated_at: `2026-01-15T12:00:00.${nanos}Z` });
const payment = tiesOf('square', 'payment pay_1');
const noVersion = { version: undefined };
const request = (paid: number) => ({
  payment_requests: [{ computed_amount_money: usd(1500), total_completed_amount_money: usd(paid) }],
});

export const atSquare: Tie[] = [
  payment(
    'a payment, four times at one `updated_at`',
    of('pay_1', [
      ['payment.created', { status: 'PENDING' }],
      ['payment.updated', { status: 'PENDING', total_money: usd(1100) }],
      ['payment.updated', { status: 'APPROVED', total_money: usd(1200) }],
      ['payment.updated', { total_money: usd(1200) }],
    ]),
    { status: 'COMPLETED', amount: 1200 },
  ),
  payment(
    'a payment that is approved after it waited',
    of('pay_1', [
      ['payment.created', { status: 'PENDING' }],
      ['payment.updated', { status: 'PENDING' }],
      ['payment.updated', { status: 'APPROVED' }],
    ]),
    { status: 'APPROVED' },
  ),
  payment(
    'a payment that gets a tip after it was made',
    of('pay_1', [
      ['payment.created', { status: 'APPROVED', total_money: usd(1000) }],
      ['payment.updated', { status: 'APPROVED', total_money: usd(1200) }],
    ]),
    { amount: 1200 },
  ),
  payment(
    'a payment that is paid back, without the ids',
    of('pay_1', [['payment.updated'], ['payment.updated', { refunded_money: usd(300) }]]),
    { own_amount_refunded: 300 },
  ),
  payment(
    'a payment that is paid back in parts',
    of('pay_1', [
      ['payment.updated'],
      ['payment.updated', { refunded_money: usd(300), refund_ids: ['a'] }],
      ['payment.updated', { refunded_money: usd(500), refund_ids: ['a', 'b'] }],
    ]),
    { status: 'COMPLETED', own_amount_refunded: 500 },
  ),
  payment(
    'a payment whose times differ by nanoseconds',
    of('pay_1', [
      ['payment.updated', { status: 'APPROVED', total_money: usd(1300), ...at('000000001') }],
      ['payment.updated', { status: 'APPROVED', total_money: usd(1100), ...at('000000002') }],
      ['payment.updated', { status: 'APPROVED', total_money: usd(1200), ...at('00000001') }],
    ]),
    { status: 'APPROVED', amount: 1200 },
  ),
  tiesOf('square', 'refund r_1')(
    'a refund that begins',
    of('r_1', [
      ['refund.created', { ...noVersion, reason: 'a' }],
      ['refund.updated', { ...noVersion, status: 'PENDING', reason: 'b' }],
    ]),
    { status: 'PENDING', reason: 'b' },
  ),
  tiesOf('square', 'dispute dis_1')(
    'a dispute that begins',
    of('dis_1', [
      ['dispute.created', { ...noVersion, amount_money: usd(300) }],
      ['dispute.evidence.created', { ...noVersion, amount_money: usd(500) }],
    ]),
    { amount: 500 },
  ),
  tiesOf('square', 'invoice inv_1')(
    'an invoice, by its version',
    of('inv_1', [
      ['invoice.created', { version: 0, ...request(0) }],
      ['invoice.updated', { version: 1, ...request(0) }],
      ['invoice.published', { version: 2, ...request(0), ...at('9') }],
      ['invoice.payment_made', { version: 3, status: 'PARTIALLY_PAID', ...request(500), ...at('1') }],
    ]),
    { status: 'PARTIALLY_PAID', amount_paid: 500, amount_remaining: 1000 },
  ),
  tiesOf('square', 'invoice inv_1')(
    'an invoice without a version',
    of('inv_1', [
      ['invoice.created', { ...noVersion, ...request(0) }],
      ['invoice.published', { ...noVersion, ...request(0) }],
      ['invoice.payment_made', { ...noVersion, status: 'UNPAID', ...request(500) }],
    ]),
    { status: 'UNPAID', amount_paid: 500, amount_remaining: 1000 },
  ),
  ...[1, undefined].map((version) =>
    tiesOf('square', 'refund r_1')(
      `a refund ${version ? 'of one version' : 'without a version'}`,
      of('r_1', [
        ['refund.created', { version, reason: 'a' }],
        ['refund.updated', { version, status: 'PENDING', reason: 'b' }],
        ['refund.updated', { version, reason: 'c' }],
      ]),
      { status: 'COMPLETED', reason: 'c' },
    ),
  ),
  ...[1, undefined].map((version) =>
    tiesOf('square', 'dispute dis_1')(
      `a dispute ${version ? 'of one version' : 'without a version'}`,
      of('dis_1', [
        ['dispute.created', { version, amount_money: usd(300) }],
        ['dispute.evidence.created', { version, amount_money: usd(500) }],
        ['dispute.state.updated', { version, amount_money: usd(700) }],
      ]),
      { status: 'WON', amount: 700 },
    ),
  ),
];
