import type { Change, ChangeSet, WebhookEvent } from '@semel/core';
import { idOf, metadataOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { optionalAmount, requiredAmount } from '../money.js';
import { type Ranks, rankIn } from '../rank.js';
import { isoOf, millisOfSeconds } from '../time.js';
import { countOf } from './charge-shape.js';
import { grown, isLaterThanCreated, orderOf } from './order.js';
import { invoiceRef, linkChanges, linksTo } from './refs.js';

/**
 * Stripe delivers in any order, and `created` has whole seconds. So the status decides first: a late `invoice.finalized` never
 * reopens a paid invoice.
 */
const ranks: Ranks = { draft: 0, open: 1, uncollectible: 2, paid: 3, void: 3, deleted: 4 };

export function invoiceSet(event: WebhookEvent, object: JsonObject, id: string): ChangeSet {
  const isDeleted = event.type === 'invoice.deleted';
  const status = isDeleted ? 'deleted' : statusOf(object);
  const change: Change = {
    ...invoiceRef(id),
    fields: {
      number: shortText(object.number),
      status,
      ...amountsOf(object, isDeleted),
      currency: shortText(object.currency),
      due_at: isoOf(millisOfSeconds(object.due_date)),
      customer_external_id: idOf(object.customer),
      metadata: metadataOf(object.metadata),
    },
    order: orderOf(event, rankIn(ranks, status), stepOf(event, object)),
  };
  const payments = paymentsOf(object);
  return {
    changes: [change, ...payments.flatMap((payment) => linkChanges(id, payment))],
    links: linksTo(id, payments[0] ?? null),
    ignored: null,
  };
}

/** Order of an open invoice's events within one second, by the end of the type; other types count as `updated`. */
const stages: Ranks = { finalized: 1, sent: 2, updated: 3, payment_action_required: 4, payment_failed: 5 };

/** Payments, attempts and credits only grow. Lines can be removed, but are mostly added, with one event each. */
function stepOf(event: WebhookEvent, invoice: JsonObject): number[] {
  const name = event.type.slice('invoice.'.length);
  return [
    isLaterThanCreated(event),
    grown(invoice.amount_paid),
    grown(invoice.attempt_count),
    grown(invoice.pre_payment_credit_notes_amount) + grown(invoice.post_payment_credit_notes_amount),
    rankIn(stages, name) || rankIn(stages, 'updated'),
    grown(countOf(invoice.lines)),
  ];
}

/** Until 2018 an invoice had flags instead of a status. (docs.stripe.com/upgrades, 2018-11-08) */
function statusOf({ status, paid, forgiven, attempted }: JsonObject): string | null {
  if (typeof status === 'string' && status !== '') return shortText(status);
  if (paid === true) return 'paid';
  if (forgiven === true) return 'uncollectible';
  return typeof attempted === 'boolean' ? (attempted ? 'open' : 'draft') : null;
}

/** Until 2018 an invoice was paid in full or not at all, and had no paid amount. */
function amountsOf(invoice: JsonObject, isDeleted: boolean) {
  const isOld = invoice.amount_paid === undefined && typeof invoice.paid === 'boolean';
  const stated = invoice.amount_due ?? (isOld ? invoice.total : undefined);
  const due = (isDeleted ? optionalAmount : requiredAmount)(stated, 'amount_due');
  return isOld
    ? {
        amount_due: due,
        amount_paid: invoice.paid === true ? due : 0,
        amount_remaining: invoice.paid === true ? 0 : due,
      }
    : {
        amount_due: due,
        amount_paid: optionalAmount(invoice.amount_paid, 'amount_paid'),
        amount_remaining: optionalAmount(invoice.amount_remaining, 'amount_remaining'),
      };
}

/** Payments: a list since API version 2025-03-31, before that one `payment_intent`, and before 2019 only a `charge`. */
function paymentsOf(invoice: JsonObject): string[] {
  const listed = asList(asObject(invoice.payments)?.data).map((item) =>
    paidWith(asObject(asObject(item)?.payment)),
  );
  const ids = [paidWith(invoice), ...listed].filter((id) => id !== null);
  return [...new Set(ids)];
}

/** The id of the payment: the payment intent, or the charge if it has none. */
export const paidWith = (object: JsonObject | null): string | null =>
  idOf(object?.payment_intent) ?? idOf(asObject(object?.charge)?.payment_intent) ?? idOf(object?.charge);
