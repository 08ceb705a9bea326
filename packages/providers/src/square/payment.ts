import type { ChangeSet, EntityRef } from '@semel/core';
import { cleanText, idOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { optionalAmount } from '../money.js';
import { type Ranks, rankIn } from '../rank.js';
import { isoOf, millisOf } from '../time.js';
import { amountOf } from './amount.js';
import { orderOf } from './order.js';

/** Pending at the bank, then authorised, then final. */
const stages: Ranks = {
  PENDING: 0,
  APPROVED: 1,
  COMPLETED: 2,
  CANCELED: 2,
  FAILED: 2,
};

/** Payments have no version, only `updated_at`. */
export function paymentSet(object: JsonObject, externalId: string, isCreated: boolean): ChangeSet {
  const payment: EntityRef = { entity: 'payment', externalId };
  const status = shortText(object.status);
  const card = asObject(object.card_details);
  const failure = asObject(asList(card?.errors)[0]);
  const captured = millisOf(asObject(card?.card_payment_timeline)?.captured_at);
  const reportedAt = millisOf(object.updated_at) ?? millisOf(object.created_at);
  const refunded = optionalAmount(asObject(object.refunded_money)?.amount, 'refunded_money');
  // `amount_money` excludes tips, surcharges and tax that Square adds. Refunds and disputes refer to the total.
  const name = asObject(object.total_money) === null ? 'amount_money' : 'total_money';
  const fields = {
    status,
    ...amountOf(object, name),
    failure_code: shortText(failure?.code),
    failure_message: cleanText(failure?.detail),
    customer_external_id: idOf(object.customer_id),
    metadata: null,
    own_amount_refunded: refunded,
    // Only cards have a timeline. The column holds the earliest value of all events (`lasting`).
    own_paid_at: status === 'COMPLETED' ? isoOf(captured ?? reportedAt) : null,
    own_told_at: isoOf(reportedAt),
  };
  const step = [isCreated ? 0 : 1, rankIn(stages, status), refunded ?? 0, asList(object.refund_ids).length];
  return {
    changes: [{ ...payment, fields, order: orderOf({ ...object, version: undefined }, step) }],
    links: { payment_id: payment },
    ignored: null,
  };
}
