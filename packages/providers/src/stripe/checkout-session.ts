import type { Change, ChangeSet, WebhookEvent } from '@semel/core';
import { idOf, metadataOf, shortText } from '../clean-text.js';
import type { JsonObject } from '../json.js';
import { optionalAmount } from '../money.js';
import { orderOf } from './order.js';
import { linkChanges, linksTo } from './refs.js';

/** `checkout.session.completed`, `.async_payment_succeeded`, `.async_payment_failed`, `.expired`. */
export function checkoutSessionSet(event: WebhookEvent, object: JsonObject, externalId: string): ChangeSet {
  const paymentId = idOf(object.payment_intent);
  const invoiceId = idOf(object.invoice);
  const status = shortText(object.status);
  const paymentStatus = shortText(object.payment_status);
  const change: Change = {
    entity: 'checkout_session',
    externalId,
    fields: {
      status,
      payment_status: paymentStatus,
      mode: shortText(object.mode),
      amount_total: optionalAmount(object.amount_total, 'amount_total'),
      currency: shortText(object.currency),
      client_reference_id: shortText(object.client_reference_id),
      customer_external_id: idOf(object.customer),
      metadata: metadataOf(object.metadata),
    },
    refs: linksTo(invoiceId, paymentId),
    order: orderOf(event, rankOf(status, paymentStatus), [
      event.type.includes('.async_payment_') ? 1 : 0, // comes after `completed`
    ]),
  };
  return {
    changes: [change, ...linkChanges(invoiceId, paymentId)],
    links: linksTo(invoiceId, paymentId),
    ignored: null,
  };
}

/** With a payment method that takes days, the session completes before it is paid. */
function rankOf(status: string | null, paymentStatus: string | null): number {
  if (status === 'expired' || paymentStatus === 'paid' || paymentStatus === 'no_payment_required') return 2;
  return status === 'complete' ? 1 : 0;
}
