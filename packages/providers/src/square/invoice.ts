import type { ChangeSet, EntityRef } from '@semel/core';
import { nothing } from '@semel/core';
import { idOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { requiredAmount } from '../money.js';
import { isoOf, millisOf } from '../time.js';
import { orderOf } from './order.js';

export function invoiceSet(object: JsonObject, externalId: string, isCreated: boolean): ChangeSet {
  const invoice: EntityRef = { entity: 'invoice', externalId };
  const requests = asList(object.payment_requests).map(asObject);
  const status = shortText(object.status);
  const due = total(requests, 'computed_amount_money');
  const paid = total(requests, 'total_completed_amount_money');
  const fields = {
    number: shortText(object.invoice_number),
    status,
    amount_due: due,
    amount_paid: paid,
    amount_remaining: due === null ? null : status === 'PAID' ? 0 : remainingOf(requests),
    currency: shortText(asObject(requests[0]?.computed_amount_money)?.currency),
    due_at: isoOf(millisOf(requests.at(-1)?.due_date)),
    customer_external_id: idOf(asObject(object.primary_recipient)?.customer_id),
    metadata: null,
  };
  return {
    changes: [{ ...invoice, fields, order: orderOf(object, [isCreated ? 0 : 1, paid ?? 0]) }],
    links: { invoice_id: invoice },
    ignored: null,
  };
}

/** Sum over the payment requests: an invoice is paid in one or several parts. */
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

/**
 * Sum of the unpaid amounts of each part. An overpaid part (a tip, rounded cash) does not reduce the others. Cash that is
 * rounded down leaves a few cents that are not owed, so the status `PAID` overrides this sum.
 */
const remainingOf = (requests: readonly (JsonObject | null)[]): number =>
  requests.reduce((sum, request) => {
    const due = total([request], 'computed_amount_money') ?? 0;
    return sum + Math.max(0, due - (total([request], 'total_completed_amount_money') ?? 0));
  }, 0);

/** `invoice.deleted` has only the draft's id, so its row is emptied. Square has no status for it; `DELETED` is Semel's. */
export function deletedInvoice(id: string | null): ChangeSet {
  if (id === null) return nothing('no_object');
  const invoice: EntityRef = { entity: 'invoice', externalId: id };
  const fields = {
    number: null,
    status: 'DELETED',
    amount_due: null,
    amount_paid: null,
    amount_remaining: null,
    currency: null,
    due_at: null,
    customer_external_id: null,
    metadata: null,
  };
  return {
    changes: [{ ...invoice, fields, order: { rank: Number.MAX_SAFE_INTEGER, timeNs: 0n, step: [] } }],
    links: { invoice_id: invoice },
    ignored: null,
  };
}
