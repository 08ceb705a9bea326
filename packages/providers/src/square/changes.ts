import { type ChangeSet, nothing, type WebhookEvent } from '@semel/core';
import { idOf } from '../clean-text.js';
import { asObject, type JsonObject, parseObject } from '../json.js';
import { disputeSet } from './dispute.js';
import { deletedInvoice, invoiceSet } from './invoice.js';
import { paymentSet } from './payment.js';
import { refundSet } from './refund.js';

type Rule = (object: JsonObject, id: string, isCreated: boolean) => ChangeSet;

/** Rules by the first word of the type, which names the object: `dispute.evidence.created` carries a dispute. */
const rules: Readonly<Record<string, Rule>> = {
  invoice: invoiceSet,
  payment: paymentSet,
  refund: refundSet,
  dispute: disputeSet,
};

/** Statuses are stored in Square's spelling, in capitals. */
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
