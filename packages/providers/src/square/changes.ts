import {
  type Change,
  type ChangeSet,
  type EntityRef,
  nothing,
  type Order,
  type WebhookEvent,
} from '@semel/core';
import { cleanText, idOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject, parseObject } from '../json.js';
import { optionalAmount, requiredAmount } from '../money.js';
import { isoOf, millisOf, nanosOf } from '../time.js';

type Rule = (object: JsonObject, id: string, isCreated: boolean) => ChangeSet;

/** The first word of a type is the name of the object in it, whatever comes behind: `dispute.evidence.created`. */
const rules: Readonly<Record<string, Rule>> = {
  invoice: invoiceSet,
  payment: paymentSet,
  refund: refundSet,
  dispute: disputeSet,
};

/** Statuses are stored as Square spells them: in capitals. */
export function changesOf(event: WebhookEvent, body: Buffer): ChangeSet {
  const kind = event.type.slice(0, Math.max(0, event.type.indexOf('.')));
  const rule = Object.hasOwn(rules, kind) ? rules[kind] : undefined;
  if (rule === undefined) return nothing('type_not_handled');
  const data = asObject(parseObject(body)?.data);
  const object = asObject(asObject(data?.object)?.[kind]);
  if (event.type === 'invoice.deleted') return deletedInvoice(idOf(object?.id ?? data?.id));
  const id = idOf(object?.id) ?? (kind === 'dispute' ? idOf(object?.dispute_id) : null);
  return object === null || id === null
    ? nothing('no_object')
    : rule(object, id, event.type === `${kind}.created`);
}

function invoiceSet(object: JsonObject, externalId: string, isCreated: boolean): ChangeSet {
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
    changes: [{ ...invoice, fields, order: orderOf(object, [isCreated ? 0 : 1, paid ?? 0]) }],
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

/** `invoice.deleted` names the draft, and brings nothing of it: its row says no more. Square has no word for this state. */
function deletedInvoice(id: string | null): ChangeSet {
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

/**
 * `version` grows with every change. Without one, below every version, the time decides, as precise as Square tells it;
 * where two have the same time, the step does.
 */
function orderOf({ version, updated_at, created_at }: JsonObject, step: readonly number[]): Order {
  const hasVersion = typeof version === 'number' && Number.isSafeInteger(version) && version >= 0;
  return { rank: hasVersion ? version : 0, timeNs: nanosOf(updated_at) ?? nanosOf(created_at) ?? 0n, step };
}

const finalPayments = ['COMPLETED', 'CANCELED', 'FAILED'];

/** Payments have no version, only `updated_at`. */
function paymentSet(object: JsonObject, externalId: string, isCreated: boolean): ChangeSet {
  const payment: EntityRef = { entity: 'payment', externalId };
  const status = statusOf(object);
  const card = asObject(object.card_details);
  const failure = asObject(asList(card?.errors)[0]);
  const captured = millisOf(asObject(card?.card_payment_timeline)?.captured_at);
  const toldAt = millisOf(object.updated_at) ?? millisOf(object.created_at);
  const refunded = optionalAmount(asObject(object.refunded_money)?.amount, 'refunded_money');
  // `amount_money` is what the seller asked for: without the tip, a surcharge, and tax that Square adds.
  const [name, money] = asObject(object.total_money)
    ? ['total_money', asObject(object.total_money)]
    : ['amount_money', asObject(object.amount_money)];
  const fields = {
    status,
    amount: requiredAmount(money?.amount, String(name)),
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
    status !== null && finalPayments.includes(status) ? 1 : 0,
    refunded ?? 0,
    asList(object.refund_ids).length,
  ];
  return {
    changes: [{ ...payment, fields, order: orderOf({ ...object, version: undefined }, step) }],
    links: { payment_id: payment },
    ignored: null,
  };
}

function refundSet(object: JsonObject, externalId: string, isCreated: boolean): ChangeSet {
  const status = statusOf(object);
  const failed = status === 'REJECTED' || status === 'FAILED';
  const money = asObject(object.amount_money);
  const fields = {
    charge_external_id: null,
    status,
    counts: !failed,
    amount: requiredAmount(money?.amount, 'amount_money'),
    currency: shortText(money?.currency),
    reason: cleanText(object.reason, 255),
    failure_reason: null,
    refunded_at: isoOf(millisOf(object.created_at)),
    told_at: isoOf(millisOf(object.updated_at)),
  };
  const order = orderOf(object, [isCreated ? 0 : 1, failed || status === 'COMPLETED' ? 1 : 0]);
  // An unlinked refund has no payment.
  return ofPayment({ entity: 'refund', externalId, fields, order }, idOf(object.payment_id));
}

const closedDisputes = ['INQUIRY_CLOSED', 'WON', 'LOST', 'ACCEPTED'];

/** `dispute.created`, `.state.updated` (once `.state.changed`), `.evidence.…`: each brings the dispute. */
function disputeSet(object: JsonObject, externalId: string, isCreated: boolean): ChangeSet {
  const state = shortText(object.state);
  const money = asObject(object.amount_money);
  const fields = {
    charge_external_id: null,
    status: state,
    amount: requiredAmount(money?.amount, 'amount_money'),
    currency: shortText(money?.currency),
    reason: shortText(object.reason),
    due_at: isoOf(millisOf(object.due_at)),
    opened_at: isoOf(millisOf(object.created_at)),
  };
  const isClosed = state !== null && closedDisputes.includes(state);
  const order = orderOf(object, [isCreated ? 0 : 1, isClosed ? 1 : 0]);
  const payment = asObject(object.disputed_payment) ?? asObject(asList(object.disputed_payments)[0]);
  return ofPayment({ entity: 'dispute', externalId, fields, order }, idOf(payment?.payment_id));
}

function ofPayment(change: Change, paymentId: string | null): ChangeSet {
  if (paymentId === null) return { changes: [change], links: {}, ignored: null };
  const links: ChangeSet['links'] = { payment_id: { entity: 'payment', externalId: paymentId } };
  return { changes: [{ ...change, refs: links }], links, ignored: null };
}

const statusOf = (object: JsonObject): string | null => shortText(object.status);
