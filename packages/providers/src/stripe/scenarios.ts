import type { Scenario } from '@semel/core';
import { randomText } from '../sample.js';

export const scenarios: readonly Scenario[] = [
  {
    name: 'invoice-paid',
    description: 'An invoice from its draft to its payment, which fails once',
    events() {
      const customer = `cus_${randomText(14)}`;
      const invoice = { id: `in_1${randomText(23)}`, customer };
      const payment = { id: `pi_1${randomText(23)}`, customer };
      return [
        { type: 'invoice.created', overrides: invoice },
        { type: 'invoice.finalized', overrides: invoice },
        { type: 'payment_intent.created', overrides: payment },
        { type: 'payment_intent.payment_failed', overrides: payment },
        { type: 'invoice.payment_failed', overrides: invoice },
        { type: 'payment_intent.succeeded', overrides: payment },
        { type: 'invoice.paid', overrides: invoice },
        {
          type: 'invoice_payment.paid',
          overrides: { invoice: invoice.id, payment: { type: 'payment_intent', payment_intent: payment.id } },
        },
      ];
    },
  },
  {
    name: 'payment-refunded',
    description: 'A payment of which a part is paid back, and the rest disputed and lost',
    events() {
      const payment = { id: `pi_3${randomText(23)}` };
      const charge = { id: `ch_3${randomText(23)}`, payment_intent: payment.id };
      const about = { payment_intent: payment.id, charge: charge.id };
      const refund = { id: `re_3${randomText(23)}`, ...about };
      const dispute = { id: `du_1${randomText(23)}`, ...about, amount: 7_500 };
      return [
        { type: 'charge.succeeded', overrides: charge },
        { type: 'payment_intent.succeeded', overrides: payment },
        { type: 'refund.created', overrides: refund },
        { type: 'charge.refunded', overrides: charge },
        { type: 'refund.updated', overrides: refund },
        { type: 'charge.dispute.created', overrides: dispute },
        { type: 'charge.dispute.closed', overrides: dispute },
      ];
    },
  },
  {
    name: 'invoice-voided',
    description: 'An invoice that nobody pays',
    events() {
      const invoice = { id: `in_1${randomText(23)}` };
      return ['invoice.created', 'invoice.finalized', 'invoice.payment_failed', 'invoice.voided'].map(
        (type) => ({ type, overrides: invoice }),
      );
    },
  },
];
