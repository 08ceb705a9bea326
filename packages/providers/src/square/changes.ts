import { type ChangeSet, type EntityRef, nothing, type WebhookEvent } from '@semel/core';
import { cleanText, idOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject, parseObject } from '../json.js';
import { optionalAmount, requiredAmount } from '../money.js';
import { isoOf, microsOf, millisOf } from '../time.js';

/** The rule for `invoice.*` and `payment.*`. Statuses are stored as Square spells them: in capitals. */
export function changesOf(event: WebhookEvent, body: Buffer): ChangeSet {
  const kind = /^(invoice|payment)\./.exec(event.type)?.[1];
  if (kind === undefined) return nothing('type_not_handled');
  const object = asObject(asObject(asObject(parseObject(body)?.data)?.object)?.[kind]);
  const id = idOf(object?.id);
  // `invoice.deleted` names the invoice, but brings none.
  if (object === null || id === null) return nothing('no_object');
  return kind === 'invoice' ? invoiceChanges(object, id) : paymentChanges(object, id);
}

function invoiceChanges(object: JsonObject, externalId: string): ChangeSet {
  const invoice: EntityRef = { entity: 'invoice', externalId };
  const requests = asList(object.payment_requests).map(asObject);
  const due = total(requests, 'computed_amount_money');
  const paid = total(requests, 'total_completed_amount_money');
  const fields = {
    number: shortText(object.invoice_number),
    status: statusOf(object),
    amount_due: due,
    amount_paid: paid,
    amount_remaining: due === null ? null : Math.max(0, due - (paid ?? 0)),
    currency: shortText(asObject(requests[0]?.computed_amount_money)?.currency),
    due_at: isoOf(millisOf(requests.at(-1)?.due_date)),
    customer_external_id: idOf(asObject(object.primary_recipient)?.customer_id),
    metadata: null,
  };
  return {
    changes: [{ ...invoice, fields, order: invoiceOrder(object) }],
    links: { invoice_id: invoice },
    ignored: null,
  };
}

/** An invoice is paid in one or several parts; each has its own sums. */
function total(requests: readonly (JsonObject | null)[], name: string): number | null {
  const amounts = requests.flatMap((request) => {
    const money = request?.[name];
    return money === undefined || money === null ? [] : [requiredAmount(asObject(money)?.amount, name)];
  });
  return amounts.length === 0
    ? null
    : requiredAmount(
        amounts.reduce((sum, amount) => sum + amount, 0),
        name,
      );
}

/** `version` grows with every change of an invoice. Without one, below every version, the time decides. */
const invoiceOrder = ({ version, updated_at }: JsonObject): [number, number] =>
  typeof version === 'number' && Number.isSafeInteger(version) && version >= 0
    ? [version, 0]
    : [0, millisOf(updated_at) ?? 0];

/** Payments have no version, only `updated_at`; where two have the same time, the final state wins. */
const paymentRank: Record<string, number> = { COMPLETED: 1, CANCELED: 1, FAILED: 1 };

function paymentChanges(object: JsonObject, externalId: string): ChangeSet {
  const payment: EntityRef = { entity: 'payment', externalId };
  const status = statusOf(object);
  const card = asObject(object.card_details);
  const failure = asObject(asList(card?.errors)[0]);
  const captured = millisOf(asObject(card?.card_payment_timeline)?.captured_at);
  const fields = {
    status,
    amount: requiredAmount(asObject(object.amount_money)?.amount, 'amount_money'),
    amount_refunded: optionalAmount(asObject(object.refunded_money)?.amount, 'refunded_money'),
    currency: shortText(asObject(object.amount_money)?.currency),
    failure_code: shortText(failure?.code),
    failure_message: cleanText(failure?.detail),
    paid_at: status === 'COMPLETED' ? isoOf(captured ?? millisOf(object.updated_at)) : null,
    customer_external_id: idOf(object.customer_id),
    metadata: null,
  };
  const rank = status !== null && Object.hasOwn(paymentRank, status) ? 1 : 0;
  const time = microsOf(object.updated_at) ?? microsOf(object.created_at) ?? 0;
  return {
    changes: [{ ...payment, fields, order: [time, rank] }],
    links: { payment_id: payment },
    ignored: null,
  };
}

const statusOf = (object: JsonObject): string | null => shortText(object.status);
