import { of, type Tie, tiesOf } from './tie.js';

const charge = tiesOf('stripe', 'charge ch_1');
const held = { captured: false, amount_captured: 0 };

export const charges: Tie[] = [
  charge(
    'a charge that is authorised, captured and paid back',
    of('ch_1', [
      ['charge.succeeded', held],
      ['charge.captured'],
      ['charge.refunded', { amount_refunded: 300 }],
      ['charge.refunded', { amount_refunded: 500 }],
    ]),
    { status: 'succeeded', amount_captured: 12_500, amount_refunded: 500 },
  ),
  charge(
    'a charge that is changed before it is captured',
    of('ch_1', [['charge.succeeded', held], ['charge.updated', held], ['charge.captured']]),
    { amount_captured: 12_500, paid_at: '2026-01-15T12:00:00.000Z' },
  ),
  charge(
    'a charge that is captured in part',
    of('ch_1', [
      ['charge.succeeded', held],
      ['charge.captured', { amount_captured: 4000, amount_refunded: 8500 }],
    ]),
    { amount_captured: 4000, amount_refunded: 8500 },
  ),
  charge(
    'a charge that waits, succeeds and is changed',
    of('ch_1', [
      ['charge.pending', { customer: 'cus_1' }],
      ['charge.succeeded', { customer: 'cus_2' }],
      ['charge.updated', { customer: 'cus_3' }],
    ]),
    { status: 'succeeded', customer_external_id: 'cus_3' },
  ),
  charge('an authorisation that runs out', of('ch_1', [['charge.succeeded', held], ['charge.expired']]), {
    amount_captured: 0,
    amount_refunded: 12_500,
    paid_at: null,
  }),
];

const refund = tiesOf('stripe', 'refund re_1');
export const refunds: Tie[] = [
  refund(
    'a refund that succeeds',
    of('re_1', [
      ['refund.created', { reason: null }],
      ['refund.updated', { status: 'pending', reason: 'duplicate' }],
      ['refund.updated', { reason: 'fraudulent' }],
    ]),
    { status: 'succeeded', reason: 'fraudulent' },
  ),
  refund(
    'a refund that is changed while it is on its way',
    of('re_1', [
      ['refund.created', { reason: null }],
      ['refund.updated', { status: 'requires_action', reason: 'duplicate' }],
      ['refund.updated', { status: 'pending', reason: 'fraudulent' }],
    ]),
    { status: 'pending', reason: 'fraudulent' },
  ),
  refund(
    'a refund that fails after all',
    of('re_1', [['refund.created'], ['refund.updated'], ['refund.failed']]),
    { status: 'failed', counts: false },
  ),
];
