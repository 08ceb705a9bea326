import { type ChangeSet, nothing, type WebhookEvent } from '@semel/core';
import { idOf } from '../clean-text.js';
import { asObject, type JsonObject, parseObject } from '../json.js';
import { chargeSet } from './charge.js';
import { checkoutSessionSet } from './checkout-session.js';
import { disputeIdOf, disputeSet } from './dispute.js';
import { invoiceSet } from './invoice.js';
import { invoicePaymentSet } from './invoice-payment.js';
import { paymentIntentSet } from './payment-intent.js';
import { refundSet } from './refund.js';

/** Maps an event to changes. The object in the event has its complete new state. */
export type Rule = (event: WebhookEvent, object: JsonObject, id: string) => ChangeSet;

/** Rules by prefix of the type, then by the object's `object`: `charge.refund.updated` carries a refund. */
const rules: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  'invoice.': { invoice: invoiceSet },
  'invoice_payment.': { invoice_payment: invoicePaymentSet },
  'payment_intent.': { payment_intent: paymentIntentSet },
  'charge.': { charge: chargeSet, refund: refundSet, dispute: disputeSet },
  'refund.': { refund: refundSet },
  'checkout.session.': { 'checkout.session': checkoutSessionSet },
};

/** Thin events (`v2.core.event`) have other types, and no object. */
export function changesOf(event: WebhookEvent, body: Buffer): ChangeSet {
  const prefix = Object.keys(rules).find((candidate) => event.type.startsWith(candidate));
  if (prefix === undefined) return nothing('type_not_handled');
  const object = asObject(asObject(parseObject(body)?.data)?.object);
  const id = object?.object === 'dispute' ? disputeIdOf(object) : idOf(object?.id);
  const kind = typeof object?.object === 'string' ? object.object : '';
  const ofType = rules[prefix] ?? {};
  const rule = Object.hasOwn(ofType, kind) ? ofType[kind] : undefined;
  // `invoice.upcoming` previews an invoice that does not exist yet, without an id or with a temporary one.
  const isPreview = event.type === 'invoice.upcoming' || id?.startsWith('upcoming_') === true;
  return object === null || id === null || rule === undefined || isPreview
    ? nothing('no_object')
    : rule(event, object, id);
}
