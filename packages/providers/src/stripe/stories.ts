import type { Story } from '@semel/core';
import { randomText } from '../sample.js';

export const stories: readonly Story[] = [
  {
    name: 'invoice-paid',
    description: 'An invoice from its draft to its payment, which fails once',
    tell() {
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
      ];
    },
  },
  {
    name: 'invoice-voided',
    description: 'An invoice that nobody pays',
    tell() {
      const invoice = { id: `in_1${randomText(23)}` };
      return ['invoice.created', 'invoice.finalized', 'invoice.payment_failed', 'invoice.voided'].map(
        (type) => ({ type, overrides: invoice }),
      );
    },
  },
];
