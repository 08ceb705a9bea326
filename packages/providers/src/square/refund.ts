import type { ChangeSet } from '@semel/core';
import { cleanText, idOf, shortText } from '../clean-text.js';
import type { JsonObject } from '../json.js';
import { isoOf, millisOf } from '../time.js';
import { amountOf } from './amount.js';
import { orderOf } from './order.js';
import { ofPayment } from './refs.js';

export function refundSet(object: JsonObject, externalId: string, isCreated: boolean): ChangeSet {
  const status = shortText(object.status);
  const failed = status === 'REJECTED' || status === 'FAILED';
  const fields = {
    charge_external_id: null,
    status,
    counts: !failed,
    ...amountOf(object, 'amount_money'),
    reason: cleanText(object.reason, 255),
    failure_reason: null,
    refunded_at: isoOf(millisOf(object.created_at)),
    told_at: isoOf(millisOf(object.updated_at) ?? millisOf(object.created_at)),
  };
  const order = orderOf(object, [isCreated ? 0 : 1, failed || status === 'COMPLETED' ? 1 : 0]);
  return ofPayment({ entity: 'refund', externalId, fields, order }, idOf(object.payment_id));
}
