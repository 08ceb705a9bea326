import type { ChangeSet, WebhookEvent } from '@semel/core';
import { idOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { requiredAmount } from '../money.js';
import { isoOf, millisOfSeconds } from '../time.js';
import { paidWith } from './invoice.js';
import { grown, isLaterThanCreated, orderOf, type Ranks, rankIn } from './order.js';
import { linksTo, paymentRef } from './refs.js';

/**
 * An inquiry (`warning_…`) can become a dispute, so its end ranks below. A dispute that was decided can be decided anew,
 * after an appeal: among these the time decides.
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
};

/** `charge.dispute.created`, `.updated`, `.funds_withdrawn`, `.funds_reinstated`, `.closed`. */
export function disputeSet(event: WebhookEvent, object: JsonObject, externalId: string): ChangeSet {
  const paymentId = paidWith(object);
  const status = shortText(object.status);
  const fields = {
    charge_external_id: idOf(object.charge),
    status,
    amount: requiredAmount(object.amount, 'amount'),
    currency: shortText(object.currency),
    reason: shortText(object.reason),
    due_at: isoOf(millisOfSeconds(asObject(object.evidence_details)?.due_by)),
    opened_at: isoOf(millisOfSeconds(object.created)),
  };
  return {
    changes: [
      {
        entity: 'dispute',
        externalId,
        fields,
        ...(paymentId === null ? {} : { refs: { payment_id: paymentRef(paymentId) } }),
        order: orderOf(event, rankIn(ranks, status), [
          isLaterThanCreated(event),
          grown(asObject(object.evidence_details)?.submission_count),
          asList(object.balance_transactions).length, // withdrawn, then perhaps reinstated
        ]),
      },
    ],
    links: linksTo(idOf(asObject(object.charge)?.invoice), paymentId),
    ignored: null,
  };
}
