import type { Change, ChangeSet, WebhookEvent } from '@semel/core';
import { cleanText, idOf, metadataOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { requiredAmount } from '../money.js';
import { type Ranks, rankIn } from '../rank.js';
import { isoOf } from '../time.js';
import { chargeChanges } from './charge.js';
import { countOf } from './charge-shape.js';
import { grown, isLaterThanCreated, orderOf } from './order.js';
import { linkChanges, linksTo, paymentRef } from './refs.js';

const ranks: Ranks = { requires_capture: 1, succeeded: 2, canceled: 2 };

/**
 * A payment moves back and forth between these statuses, so its time decides; this is the order within one second.
 * (docs.stripe.com/payments/paymentintents/lifecycle; `requires_source` and `…_action` are the names until 2019)
 */
const stages: Ranks = {
  requires_payment_method: 0,
  requires_source: 0,
  requires_confirmation: 1,
  requires_action: 2,
  requires_source_action: 2,
  processing: 3,
};

/** A failed attempt returns to the first status with an error. It comes after `processing` of the same second. */
const failedStage = 4;

function stepOf(event: WebhookEvent, intent: JsonObject): number[] {
  const status = shortText(intent.status);
  const isFirst = status !== null && Object.hasOwn(stages, status) && stages[status] === 0;
  const hasFailed = isFirst && asObject(intent.last_payment_error) !== null;
  return [
    isLaterThanCreated(event),
    grown(countOf(intent.charges)), // one more for each attempt, in API versions until 2022-11-15
    hasFailed ? failedStage : rankIn(stages, status),
    grown(intent.amount_received),
    status === 'requires_capture' ? grown(intent.amount) : 0, // the authorised amount can be raised
  ];
}

export function paymentIntentSet(event: WebhookEvent, object: JsonObject, id: string): ChangeSet {
  const status = shortText(object.status);
  const failure = asObject(object.last_payment_error);
  const reportedAt = isoOf(event.createdAtMs);
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
      own_amount_refunded: null, // its charges have it
      own_paid_at: status === 'succeeded' ? reportedAt : null,
      own_told_at: reportedAt,
    },
    order: orderOf(event, rankIn(ranks, status), stepOf(event, object)),
  };
  // Since API version 2025-03-31 only `invoice_payment.*` and the invoice name the invoice that it pays.
  const invoiceId = idOf(object.invoice);
  const charges = chargesOf(object).flatMap((charge) => chargeChanges(event, charge, id));
  return {
    changes: [change, ...linkChanges(invoiceId, id), ...charges],
    links: linksTo(invoiceId, id),
    ignored: null,
  };
}

/** Until API version 2022-11-15 a list of charges, since then the id of the latest, or the charge itself if expanded. */
function chargesOf(intent: JsonObject): JsonObject[] {
  const shown = [...asList(asObject(intent.charges)?.data), intent.latest_charge]
    .map(asObject)
    .filter((charge) => charge !== null && charge.object === 'charge');
  return [...new Map(shown.map((charge) => [idOf(charge), charge as JsonObject])).values()];
}
