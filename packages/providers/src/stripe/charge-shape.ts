import type { WebhookEvent } from '@semel/core';
import { shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { optionalAmount } from '../money.js';

// What a charge says, whatever API version wrote it. An account keeps the version it began with, so these shapes of 2011 to
// 2015 still come, with the charges of today. (docs.stripe.com/upgrades)

/**
 * `paid` was the word for `succeeded` until 2015-02-18. Before 2014-12-17 there was no status: then the flag `paid`, the
 * failure and the type say it. A charge that is not paid and has not failed waits for the bank.
 */
export function statusOf(event: WebhookEvent, charge: JsonObject): string | null {
  const status = shortText(charge.status);
  if (status !== null) return status === 'paid' ? 'succeeded' : status;
  if (charge.paid === true) return 'succeeded';
  const hasFailed = shortText(charge.failure_code) !== null || shortText(charge.failure_message) !== null;
  if (hasFailed || event.type === 'charge.failed') return 'failed';
  return charge.paid === false ? 'pending' : null;
}

/** An authorisation alone is not captured yet; once it said `uncaptured: true`. */
export const isCaptured = ({ captured, uncaptured }: JsonObject): boolean =>
  captured !== false && uncaptured !== true;

/** `refunded: true` says that all of it was, with or without the amount. */
export const refundedOf = (charge: JsonObject, amount: number): number | null =>
  optionalAmount(charge.amount_refunded, 'amount_refunded') ?? (charge.refunded === true ? amount : null);

/** A list object; until 2014 a plain list. */
export const refundsOf = ({ refunds }: JsonObject): JsonObject[] =>
  (Array.isArray(refunds) ? refunds : asList(asObject(refunds)?.data))
    .map(asObject)
    .filter((refund) => refund !== null);

/** How many a list object has in all: `count` was its name until 2014. */
export const countOf = (list: unknown): unknown => asObject(list)?.total_count ?? asObject(list)?.count;
