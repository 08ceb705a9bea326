import type { ChangeSet, EntityRef } from '@semel/core';
import { cleanText, idOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { optionalAmount, requiredAmount } from '../money.js';
import { isoOf, millisOf } from '../time.js';
import { orderOf } from './order.js';

/** The bank is asked, the amount is held, it is decided. */
const paymentStages: Readonly<Record<string, number>> = {
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
  const toldAt = millisOf(object.updated_at) ?? millisOf(object.created_at);
  const refunded = optionalAmount(asObject(object.refunded_money)?.amount, 'refunded_money');
  // `amount_money` is what the seller asked for: without the tip, a surcharge, and tax that Square adds. Refunds and
  // disputes are of the total.
  const name = asObject(object.total_money) === null ? 'amount_money' : 'total_money';
  const money = asObject(object[name]);
  const fields = {
    status,
    amount: requiredAmount(money?.amount, name),
    currency: shortText(money?.currency),
    failure_code: shortText(failure?.code),
    failure_message: cleanText(failure?.detail),
    customer_external_id: idOf(object.customer_id),
    metadata: null,
    own_amount_refunded: refunded,
    // Only cards have a timeline. The earliest moment that any event tells stays (see the tables).
    own_paid_at: status === 'COMPLETED' ? isoOf(captured ?? toldAt) : null,
    own_told_at: isoOf(toldAt),
  };
  const step = [
    isCreated ? 0 : 1,
    status !== null && Object.hasOwn(paymentStages, status) ? (paymentStages[status] ?? 0) : 0,
    refunded ?? 0,
    asList(object.refund_ids).length,
  ];
  return {
    changes: [{ ...payment, fields, order: orderOf({ ...object, version: undefined }, step) }],
    links: { payment_id: payment },
    ignored: null,
  };
}
