import type { Change, ChangeSet, WebhookEvent } from '@semel/core';
import { cleanText, idOf, metadataOf, shortText } from '../clean-text.js';
import { asObject, type JsonObject } from '../json.js';
import { optionalAmount, requiredAmount } from '../money.js';
import { type Ranks, rankIn } from '../rank.js';
import { isoOf, millisOfSeconds } from '../time.js';
import { isCaptured, refundedOf, refundsOf, statusOf } from './charge-shape.js';
import { disputeChanges } from './dispute.js';
import { grown, orderOf } from './order.js';
import { linkChanges, linksTo, paymentRef } from './refs.js';
import { refundChanges } from './refund.js';

/** `charge.succeeded`, `.captured`, `.refunded`, `.updated` … */
export function chargeSet(event: WebhookEvent, object: JsonObject, id: string): ChangeSet {
  const intentId = idOf(object.payment_intent);
  const changes = chargeChanges(event, object, intentId ?? id);
  // Without a payment intent the charge is the payment.
  if (intentId === null) changes.unshift(...changes.slice(0, 1).map((charge) => asPayment(charge, object)));
  return { changes, links: linksTo(idOf(object.invoice), intentId ?? id), ignored: null };
}

/** Changes of the charge, its invoice link, and the refunds and dispute that older API versions include in it. */
export function chargeChanges(event: WebhookEvent, charge: JsonObject, paymentId: string): Change[] {
  const id = idOf(charge.id);
  if (id === null) return [];
  const status = statusOf(event, charge);
  const amount = requiredAmount(charge.amount, 'amount');
  const refunded = refundedOf(charge, amount);
  const rank = rankOf(status, isCaptured(charge));
  const change: Change = {
    entity: 'charge',
    externalId: id,
    fields: {
      status,
      amount,
      amount_captured: optionalAmount(charge.amount_captured, 'amount_captured'),
      amount_refunded: refunded,
      currency: shortText(charge.currency),
      failure_code: shortText(charge.failure_code),
      failure_message: cleanText(charge.failure_message),
      paid_at: status === 'succeeded' && isCaptured(charge) ? isoOf(millisOfSeconds(charge.created)) : null,
      customer_external_id: idOf(charge.customer),
      told_at: isoOf(event.createdAtMs),
    },
    refs: { payment_id: paymentRef(paymentId) },
    order: orderOf(event, rank, [grown(refunded), rankIn(stages, event.type), refundsOf(charge).length]),
  };
  const refunds = refundsOf(charge).flatMap((refund) =>
    refundChanges(event, refund, { paymentId, chargeId: id }),
  );
  const dispute = asObject(charge.dispute);
  const disputes = dispute === null ? [] : disputeChanges(event, { charge: id, ...dispute }, paymentId);
  return [change, ...linkChanges(idOf(charge.invoice), paymentId), ...refunds, ...disputes];
}

/** Authorised ranks below captured; both have the status `succeeded`. */
function rankOf(status: string | null, hasMoney: boolean): number {
  if (status === 'failed') return 2;
  if (status !== 'succeeded') return 0;
  return hasMoney ? 2 : 1;
}

/** Order of the events of a charge within one second; a charge inside another object's event counts as 0. */
const stages: Ranks = {
  'charge.pending': 1,
  'charge.succeeded': 2,
  'charge.captured': 3,
  'charge.refunded': 4,
  'charge.updated': 5,
};

function asPayment({ externalId, fields, order }: Change, charge: JsonObject): Change {
  return {
    ...paymentRef(externalId),
    fields: {
      status: fields.status ?? null,
      amount: fields.amount ?? null,
      currency: fields.currency ?? null,
      failure_code: fields.failure_code ?? null,
      failure_message: fields.failure_message ?? null,
      customer_external_id: fields.customer_external_id ?? null,
      metadata: metadataOf(charge.metadata),
      own_amount_refunded: null,
      own_paid_at: fields.paid_at ?? null,
      own_told_at: fields.told_at ?? null,
    },
    order,
  };
}
