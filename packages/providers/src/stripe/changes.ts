import { type Change, type ChangeSet, type EntityRef, nothing, type WebhookEvent } from '@semel/core';
import { cleanText, idOf, metadataOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject, parseObject } from '../json.js';
import { optionalAmount, requiredAmount } from '../money.js';
import { isoOf, millisOfSeconds } from '../time.js';

/**
 * How far an object has come. Stripe delivers in no order, and `created` has whole seconds: the state decides
 * first, so that a late `invoice.finalized` never reopens a paid invoice. A state that is not listed counts as 0.
 */
const invoiceRank: Record<string, number> = {
  draft: 0,
  open: 1,
  uncollectible: 2,
  paid: 3,
  void: 3,
  deleted: 4,
};
const paymentRank: Record<string, number> = { requires_capture: 1, succeeded: 2, canceled: 2 };

/** The rule for `invoice.*` and `payment_intent.*`: the object in the event is the whole new state. */
export function changesOf(event: WebhookEvent, body: Buffer): ChangeSet {
  const isInvoice = event.type.startsWith('invoice.');
  if (!isInvoice && !event.type.startsWith('payment_intent.')) return nothing('type_not_handled');
  const object = asObject(asObject(parseObject(body)?.data)?.object);
  const id = idOf(object?.id);
  // `invoice.upcoming` has an invoice without an id: there is none yet.
  if (object === null || id === null || object.object !== (isInvoice ? 'invoice' : 'payment_intent'))
    return nothing('no_object');
  return isInvoice ? invoiceChanges(event, object, id) : paymentChanges(event, object, id);
}

function invoiceChanges(event: WebhookEvent, object: JsonObject, externalId: string): ChangeSet {
  const invoice: EntityRef = { entity: 'invoice', externalId };
  const status = event.type === 'invoice.deleted' ? 'deleted' : shortText(object.status);
  const change: Change = {
    ...invoice,
    fields: {
      number: shortText(object.number),
      status,
      amount_due: requiredAmount(object.amount_due, 'amount_due'),
      amount_paid: optionalAmount(object.amount_paid, 'amount_paid'),
      amount_remaining: optionalAmount(object.amount_remaining, 'amount_remaining'),
      currency: shortText(object.currency),
      due_at: isoOf(millisOfSeconds(object.due_date)),
      customer_external_id: idOf(object.customer),
      metadata: metadataOf(object.metadata),
    },
    order: [rankIn(invoiceRank, status), createdSeconds(event)],
  };
  const paymentId = paymentOf(object);
  const links: ChangeSet['links'] = { invoice_id: invoice };
  if (paymentId !== null) links.payment_id = { entity: 'payment', externalId: paymentId };
  return { changes: [change], links, ignored: null };
}

/** `payment_intent` until API version 2025-03-31, a list of payments since. */
function paymentOf(invoice: JsonObject): string | null {
  const first = asObject(asList(asObject(invoice.payments)?.data)[0]);
  return idOf(invoice.payment_intent) ?? idOf(asObject(first?.payment)?.payment_intent);
}

function paymentChanges(event: WebhookEvent, object: JsonObject, externalId: string): ChangeSet {
  const payment: EntityRef = { entity: 'payment', externalId };
  const status = shortText(object.status);
  const failure = asObject(object.last_payment_error);
  const charge = asObject(object.latest_charge);
  const change: Change = {
    ...payment,
    fields: {
      status,
      amount: requiredAmount(object.amount, 'amount'),
      amount_refunded: optionalAmount(charge?.amount_refunded, 'amount_refunded'),
      currency: shortText(object.currency),
      failure_code: shortText(failure?.code),
      failure_message: cleanText(failure?.message),
      paid_at: status === 'succeeded' ? isoOf(millisOfSeconds(charge?.created) ?? event.createdAtMs) : null,
      customer_external_id: idOf(object.customer),
      metadata: metadataOf(object.metadata),
    },
    order: [rankIn(paymentRank, status), createdSeconds(event)],
  };
  const links: ChangeSet['links'] = { payment_id: payment };
  const invoiceId = idOf(object.invoice);
  if (invoiceId !== null) {
    const invoice: EntityRef = { entity: 'invoice', externalId: invoiceId };
    change.refs = { invoice_id: invoice };
    links.invoice_id = invoice;
  }
  return { changes: [change], links, ignored: null };
}

const rankIn = (ranks: Record<string, number>, status: string | null): number =>
  status !== null && Object.hasOwn(ranks, status) ? (ranks[status] ?? 0) : 0;

const createdSeconds = (event: WebhookEvent): number => Math.floor((event.createdAtMs ?? 0) / 1000);
