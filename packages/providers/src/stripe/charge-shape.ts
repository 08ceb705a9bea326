import type { WebhookEvent } from '@semel/core';
import { shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { optionalAmount } from '../money.js';

// Reads charges of every API version. An account stays on the version it began with, so today's charges still arrive in the
// shapes of 2011 to 2015. (docs.stripe.com/upgrades)

/**
 * The status `succeeded` was called `paid` until 2015-02-18. Before 2014-12-17 there was no status; it follows from the flag
 * `paid`, the failure and the event type. A charge that is neither paid nor failed is pending at the bank.
 */
export function statusOf(event: WebhookEvent, charge: JsonObject): string | null {
  const status = shortText(charge.status);
  if (status !== null) return status === 'paid' ? 'succeeded' : status;
  if (charge.paid === true) return 'succeeded';
  const hasFailed = shortText(charge.failure_code) !== null || shortText(charge.failure_message) !== null;
  if (hasFailed || event.type === 'charge.failed') return 'failed';
  return charge.paid === false ? 'pending' : null;
}

/** False for a mere authorisation; early API versions marked it with `uncaptured: true`. */
export const isCaptured = ({ captured, uncaptured }: JsonObject): boolean =>
  captured !== false && uncaptured !== true;

/** `refunded: true` means a full refund, even without the amount. */
export const refundedOf = (charge: JsonObject, amount: number): number | null =>
  optionalAmount(charge.amount_refunded, 'amount_refunded') ?? (charge.refunded === true ? amount : null);

/** A list object; until 2014 a plain array. */
export const refundsOf = ({ refunds }: JsonObject): JsonObject[] =>
  (Array.isArray(refunds) ? refunds : asList(asObject(refunds)?.data))
    .map(asObject)
    .filter((refund) => refund !== null);

/** The total of a list object, called `count` until 2014. */
export const countOf = (list: unknown): unknown => asObject(list)?.total_count ?? asObject(list)?.count;
