import type { Change, ChangeSet, WebhookEvent } from '@semel/core';
import { idOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { requiredAmount } from '../money.js';
import { type Ranks, rankIn } from '../rank.js';
import { isoOf, millisOfSeconds } from '../time.js';
import { paidWith } from './invoice.js';
import { grown, isLaterThanCreated, orderOf } from './order.js';
import { linksTo, paymentRef } from './refs.js';

/**
 * An inquiry (`warning_…`) can become a dispute, so even a closed inquiry ranks below. A decided dispute can be decided again
 * after an appeal; among these statuses the time decides.
 */
const ranks: Ranks = {
  warning_needs_response: 0,
  warning_under_review: 1,
  warning_closed: 2,
  needs_response: 3,
  under_review: 4,
  won: 5,
  lost: 5,
  prevented: 5,
  appeal_needs_response: 5,
  appeal_under_review: 5,
  charge_refunded: 5, // until 2016: ended because the charge was refunded
};

/** `charge.dispute.created`, `.updated`, `.funds_withdrawn`, `.funds_reinstated`, `.closed`. */
export function disputeSet(event: WebhookEvent, object: JsonObject): ChangeSet {
  const paymentId = paidWith(object);
  return {
    changes: disputeChanges(event, object, paymentId),
    links: linksTo(idOf(asObject(object.charge)?.invoice), paymentId),
    ignored: null,
  };
}

/** Early disputes had no id. A charge had at most one, so the charge's id identifies it. */
export const disputeIdOf = (dispute: JsonObject): string | null => idOf(dispute.id) ?? idOf(dispute.charge);

export function disputeChanges(event: WebhookEvent, dispute: JsonObject, paymentId: string | null): Change[] {
  const externalId = disputeIdOf(dispute);
  if (externalId === null) return [];
  const status = shortText(dispute.status);
  const evidence = asObject(dispute.evidence_details);
  const fields = {
    charge_external_id: idOf(dispute.charge),
    status,
    amount: requiredAmount(dispute.amount, 'amount'),
    currency: shortText(dispute.currency),
    reason: shortText(dispute.reason),
    // `evidence_due_by` until 2014.
    due_at: isoOf(millisOfSeconds(evidence?.due_by ?? dispute.evidence_due_by)),
    opened_at: isoOf(millisOfSeconds(dispute.created)),
  };
  return [
    {
      entity: 'dispute',
      externalId,
      fields,
      ...(paymentId === null ? {} : { refs: { payment_id: paymentRef(paymentId) } }),
      order: orderOf(event, rankIn(ranks, status), [
        isLaterThanCreated(event),
        grown(evidence?.submission_count),
        asList(dispute.balance_transactions).length, // withdrawn, then perhaps reinstated
      ]),
    },
  ];
}
