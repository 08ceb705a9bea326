import { randomUUID } from 'node:crypto';
import type { Scenario } from '@semel/core';
import { randomText } from '../sample.js';

export const scenarios: readonly Scenario[] = [
  {
    name: 'invoice-paid',
    description: 'An invoice from its draft to its payment',
    events() {
      const invoice = { id: `inv:0-${randomText(27)}`, order_id: randomText(28) };
      const payment = { id: randomText(29), order_id: invoice.order_id };
      return [
        { type: 'invoice.created', overrides: invoice },
        { type: 'invoice.published', overrides: invoice },
        { type: 'payment.created', overrides: payment },
        { type: 'payment.updated', overrides: payment },
        { type: 'invoice.payment_made', overrides: invoice },
      ];
    },
  },
  {
    name: 'payment-refunded',
    description: 'A payment that is paid back',
    events() {
      const payment = { id: randomText(29) };
      const refund = { id: `${payment.id}_${randomText(43)}`, payment_id: payment.id };
      return [
        { type: 'payment.created', overrides: payment },
        { type: 'payment.updated', overrides: payment },
        { type: 'refund.created', overrides: refund },
        { type: 'refund.updated', overrides: refund },
      ];
    },
  },
  {
    name: 'invoice-canceled',
    description: 'An invoice that is taken back',
    events() {
      const invoice = { id: `inv:0-${randomUUID()}` };
      return ['invoice.created', 'invoice.published', 'invoice.canceled'].map((type) => ({
        type,
        overrides: invoice,
      }));
    },
  },
];
