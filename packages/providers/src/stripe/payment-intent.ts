import type { Change, ChangeSet, WebhookEvent } from '@semel/core';
import { cleanText, idOf, metadataOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { requiredAmount } from '../money.js';
import { isoOf } from '../time.js';
import { chargeChanges } from './charge.js';
import { createdSeconds, type Ranks, rankIn } from './order.js';
import { linkChanges, linksTo, paymentRef } from './refs.js';

const ranks: Ranks = { requires_capture: 1, succeeded: 2, canceled: 2 };

export function paymentIntentSet(event: WebhookEvent, object: JsonObject, id: string): ChangeSet {
  const status = shortText(object.status);
  const failure = asObject(object.last_payment_error);
  const toldAt = isoOf(event.createdAtMs);
  const change: Change = {
    ...paymentRef(id),
    fields: {
      status,
      amount: requiredAmount(object.amount, 'amount'),
      currency: shortText(object.currency),
      failure_code: shortText(failure?.code),
      failure_message: cleanText(failure?.message),
      customer_external_id: idOf(object.customer),
      metadata: metadataOf(object.metadata),
      own_amount_refunded: null, // its charges say it
      own_paid_at: status === 'succeeded' ? toldAt : null,
      own_told_at: toldAt,
    },
    order: [rankIn(ranks, status), createdSeconds(event)],
  };
  // Since API version 2025-03-31 only `invoice_payment.*` and the invoice say what it pays.
  const invoiceId = idOf(object.invoice);
  const charges = chargesOf(object).flatMap((charge) => chargeChanges(event, charge, id));
  return {
    changes: [change, ...linkChanges(invoiceId, id), ...charges],
    links: linksTo(invoiceId, id),
    ignored: null,
  };
}

/** A list of charges until API version 2022-11-15, the id of the latest since; an object where it was expanded. */
const chargesOf = (intent: JsonObject): JsonObject[] =>
  [...asList(asObject(intent.charges)?.data), intent.latest_charge]
    .map(asObject)
    .filter((charge) => charge?.object === 'charge')
    .map((charge) => charge as JsonObject);
