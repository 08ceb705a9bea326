import type { ChangeSet, WebhookEvent } from '@semel/core';
import { idOf, shortText } from '../clean-text.js';
import { asObject, type JsonObject } from '../json.js';
import { optionalAmount } from '../money.js';
import { type Ranks, rankIn } from '../rank.js';
import { isoOf, millisOfSeconds } from '../time.js';
import { paidWith } from './invoice.js';
import { grown, orderOf } from './order.js';
import { linksTo, pairOf } from './refs.js';

const ranks: Ranks = { open: 0, paid: 1, canceled: 1 };

/** The payment of an invoice. Since API version 2025-03-31 the payment itself no longer names its invoice. */
export function invoicePaymentSet(event: WebhookEvent, object: JsonObject): ChangeSet {
  const invoiceId = idOf(object.invoice);
  const paymentId = paidWith(asObject(object.payment));
  const links = linksTo(invoiceId, paymentId);
  // Paid outside Stripe (`payment_record`); the invoice's own events report it too.
  if (invoiceId === null || paymentId === null) return { changes: [], links, ignored: 'no_object' };
  const status = shortText(object.status);
  const fields = {
    status,
    amount_requested: optionalAmount(object.amount_requested, 'amount_requested'),
    amount_paid: optionalAmount(object.amount_paid, 'amount_paid'),
    currency: shortText(object.currency),
    paid_at: isoOf(millisOfSeconds(asObject(object.status_transitions)?.paid_at)),
  };
  return {
    changes: [
      {
        ...pairOf(invoiceId, paymentId),
        fields,
        order: orderOf(event, rankIn(ranks, status), [grown(object.amount_paid)]),
      },
    ],
    links,
    ignored: null,
  };
}
