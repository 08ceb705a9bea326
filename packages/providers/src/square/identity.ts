import { type Identity, RejectedError } from '@semel/core';
import { lineOf, typeOf } from '../clean-text.js';
import { parseObject } from '../json.js';
import { millisOf } from '../time.js';

/**
 * `event_id` is Square's idempotency value, the same in every attempt: a UUID, so unique among all merchants.
 * (developer.squareup.com/docs/webhooks/overview) The body does not name the environment.
 */
export function identify(body: Buffer): Identity {
  const event = parseObject(body);
  const id = event?.event_id;
  if (event === null || typeof id !== 'string' || !/^[A-Za-z0-9-]{8,64}$/.test(id))
    throw new RejectedError('malformed', 'The body has no Square event_id');
  return {
    eventId: id,
    type: typeOf(event.type),
    account: lineOf(event.merchant_id),
    livemode: null,
    createdAtMs: millisOf(event.created_at),
  };
}
