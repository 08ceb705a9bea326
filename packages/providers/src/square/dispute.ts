import type { ChangeSet } from '@semel/core';
import { idOf, shortText } from '../clean-text.js';
import { asList, asObject, type JsonObject } from '../json.js';
import { isoOf, millisOf } from '../time.js';
import { amountOf } from './amount.js';
import { orderOf } from './order.js';
import { ofPayment } from './refs.js';

const closedDisputes = ['INQUIRY_CLOSED', 'WON', 'LOST', 'ACCEPTED'];

/** `dispute.created`, `.state.updated` (formerly `.state.changed`), `.evidence.…`: each has the dispute. */
export function disputeSet(object: JsonObject, externalId: string, isCreated: boolean): ChangeSet {
  const state = shortText(object.state);
  const fields = {
    charge_external_id: null,
    status: state,
    ...amountOf(object, 'amount_money'),
    reason: shortText(object.reason),
    due_at: isoOf(millisOf(object.due_at)),
    opened_at: isoOf(millisOf(object.created_at)),
  };
  const isClosed = state !== null && closedDisputes.includes(state);
  const order = orderOf(object, [isCreated ? 0 : 1, isClosed ? 1 : 0]);
  const payment = asObject(object.disputed_payment) ?? asObject(asList(object.disputed_payments)[0]);
  return ofPayment({ entity: 'dispute', externalId, fields, order }, idOf(payment?.payment_id));
}
