import type { Change, ChangeSet, WebhookEvent } from '@semel/core';
import { idOf, shortText } from '../clean-text.js';
import { asObject, type JsonObject } from '../json.js';
import { requiredAmount } from '../money.js';
import { type Ranks, rankIn } from '../rank.js';
import { isoOf, millisOfSeconds } from '../time.js';
import { paidWith } from './invoice.js';
import { isLaterThanCreated, orderOf } from './order.js';
import { linksTo, paymentRef } from './refs.js';

/** A succeeded refund can still fail, when the bank returns the money. */
const ranks: Ranks = { pending: 0, requires_action: 0, succeeded: 1, failed: 2, canceled: 2 };
/** `requires_action` comes first: the customer must say where the money goes. */
const stages: Ranks = { requires_action: 0, pending: 1 };

/** `refund.created`, `.updated`, `.failed`, and `charge.refund.updated`, the older name of the same event. */
export function refundSet(event: WebhookEvent, object: JsonObject): ChangeSet {
  const paymentId = paidWith(object);
  const chargeId = idOf(object.charge);
  return {
    changes: refundChanges(event, object, { paymentId, chargeId }),
    links: linksTo(idOf(asObject(object.charge)?.invoice), paymentId),
    ignored: null,
  };
}

export function refundChanges(
  event: WebhookEvent,
  refund: JsonObject,
  { paymentId, chargeId }: { paymentId: string | null; chargeId: string | null },
): Change[] {
  const externalId = idOf(refund.id);
  if (externalId === null) return [];
  // Until 2015 a refund had no status: it succeeded at once or did not exist.
  const status = refund.status === undefined ? 'succeeded' : shortText(refund.status);
  const fields = {
    charge_external_id: chargeId,
    status,
    // Stripe deducts the amount from the charge when the refund begins, and restores it if the refund fails.
    counts: status !== 'failed' && status !== 'canceled',
    amount: requiredAmount(refund.amount, 'amount'),
    currency: shortText(refund.currency),
    reason: shortText(refund.reason),
    failure_reason: shortText(refund.failure_reason),
    refunded_at: isoOf(millisOfSeconds(refund.created)),
    told_at: isoOf(event.createdAtMs),
  };
  return [
    {
      entity: 'refund',
      externalId,
      fields,
      ...(paymentId === null ? {} : { refs: { payment_id: paymentRef(paymentId) } }),
      order: orderOf(event, rankIn(ranks, status), [isLaterThanCreated(event), rankIn(stages, status)]),
    },
  ];
}
