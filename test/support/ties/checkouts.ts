import { mark, of, type Tie, tiesOf } from './tie.js';

const inPayment = { invoice: 'in_1', payment: { type: 'payment_intent', payment_intent: 'pi_1' } };
export const checkouts: Tie[] = [
  tiesOf('stripe', 'invoice_payment in_1|pi_1')(
    'what pays an invoice',
    [
      ['invoice_payment.paid', { ...inPayment, status: 'open', amount_paid: 0 }],
      ['invoice_payment.paid', { ...inPayment, status: 'open', amount_paid: 500 }],
      ['invoice_payment.paid', { ...inPayment, amount_paid: 1500 }],
    ],
    { status: 'paid', amount_paid: 1500 },
  ),
  tiesOf('stripe', 'invoice_payment in_1|pi_1')(
    'a part that pays an invoice',
    [
      ['invoice_payment.paid', { ...inPayment, status: 'open', amount_paid: 0 }],
      ['invoice_payment.paid', { ...inPayment, status: 'open', amount_paid: 500 }],
    ],
    { status: 'open', amount_paid: 500 },
  ),
  tiesOf('stripe', 'checkout_session cs_1')(
    'a checkout whose money comes later',
    of('cs_1', [
      ['checkout.session.completed', { payment_status: 'unpaid' }],
      ['checkout.session.async_payment_succeeded'],
    ]),
    { status: 'complete', payment_status: 'paid' },
  ),
  tiesOf('stripe', 'checkout_session cs_1')(
    'a checkout whose money never comes',
    of('cs_1', [
      ['checkout.session.completed', { payment_status: 'unpaid', ...mark('completed') }],
      ['checkout.session.async_payment_failed', mark('failed')],
    ]),
    { payment_status: 'unpaid', metadata: { mark: 'failed' } },
  ),
];
