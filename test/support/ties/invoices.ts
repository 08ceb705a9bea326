import { mark, of, type Tie, tiesOf } from './tie.js';

const invoice = tiesOf('stripe', 'invoice in_1');
const sums = (amount_due: number, amount_paid: number) => ({
  amount_due,
  amount_paid,
  amount_remaining: amount_due - amount_paid,
});
const lines = (total_count: number) => ({ lines: { object: 'list', data: [], total_count } });
const open = { status: 'open' };

export const invoices: Tie[] = [
  invoice(
    'a draft that gets a line after it was made',
    of('in_1', [
      ['invoice.created', { ...sums(0, 0), ...lines(0) }],
      ['invoice.updated', { ...sums(2500, 0), ...lines(1) }],
    ]),
    { status: 'draft', amount_due: 2500, amount_remaining: 2500 },
  ),
  invoice(
    'a draft that gets two lines',
    of('in_1', [
      ['invoice.created', { ...sums(0, 0), ...lines(0) }],
      ['invoice.updated', { ...sums(2500, 0), ...lines(1) }],
      ['invoice.updated', { ...sums(2000, 0), ...lines(2) }],
    ]),
    { amount_due: 2000 },
  ),
  invoice(
    'an open invoice of which a part is paid',
    of('in_1', [
      ['invoice.created', sums(1500, 0)],
      ['invoice.finalized', { ...open, ...sums(1500, 0) }],
      ['invoice.sent', { ...open, ...sums(1500, 0) }],
      ['invoice.updated', { ...open, ...sums(1500, 500) }],
    ]),
    { status: 'open', amount_paid: 500, amount_remaining: 1000 },
  ),
  invoice(
    'a part that is paid, told by the earlier type',
    of('in_1', [
      ['invoice.updated', { ...open, ...sums(1500, 0) }],
      ['invoice.finalized', { ...open, ...sums(1500, 500) }],
    ]),
    { amount_paid: 500, amount_remaining: 1000 },
  ),
  invoice(
    'an open invoice: finalized, sent, updated, failed',
    of('in_1', [
      ['invoice.finalized', { ...open, ...mark('finalized') }],
      ['invoice.sent', { ...open, ...mark('sent') }],
      ['invoice.updated', { ...open, ...mark('updated'), attempt_count: 1 }],
      ['invoice.payment_failed', { ...open, ...mark('failed'), attempt_count: 1 }],
    ]),
    { status: 'open', metadata: { mark: 'failed' } },
  ),
  invoice(
    'an open invoice: finalized, sent, updated',
    of('in_1', [
      ['invoice.finalized', { ...open, ...mark('finalized') }],
      ['invoice.sent', { ...open, ...mark('sent') }],
      ['invoice.updated', { ...open, ...mark('updated') }],
    ]),
    { metadata: { mark: 'updated' } },
  ),
  invoice(
    'an open invoice: finalized, sent',
    of('in_1', [
      ['invoice.finalized', { ...open, ...mark('finalized') }],
      ['invoice.sent', { ...open, ...mark('sent') }],
    ]),
    { metadata: { mark: 'sent' } },
  ),
  invoice(
    'a second attempt to have an invoice paid',
    of('in_1', [
      ['invoice.payment_failed', { ...open, ...mark('first'), attempt_count: 1 }],
      ['invoice.updated', { ...open, ...mark('second'), attempt_count: 2 }],
    ]),
    { metadata: { mark: 'second' } },
  ),
  invoice(
    'an open invoice of which a part is credited',
    of('in_1', [
      ['invoice.finalized', { ...open, ...sums(1500, 0) }],
      ['invoice.updated', { ...open, ...sums(1500, 0) }],
      ['invoice.updated', { ...open, ...sums(1100, 0), pre_payment_credit_notes_amount: 400 }],
    ]),
    { amount_due: 1100, amount_remaining: 1100 },
  ),
  invoice(
    'an invoice that is paid',
    of('in_1', [
      ['invoice.created', sums(1500, 0)],
      ['invoice.finalized', { ...open, ...sums(1500, 0) }],
      ['invoice.payment_failed', { ...open, ...sums(1500, 0), attempt_count: 1 }],
      ['invoice.paid', { status: 'paid', ...sums(1500, 1500) }],
    ]),
    { status: 'paid', amount_paid: 1500, amount_remaining: 0 },
  ),
];
