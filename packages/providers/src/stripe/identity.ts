import { type Identity, RejectedError } from '@semel/core';
import { lineOf, typeOf } from '../clean-text.js';
import { parseObject } from '../json.js';
import { millisOf, millisOfSeconds } from '../time.js';

/**
 * `id` is the same for every attempt and every resend. Thin events (`v2.core.event`) have it too, but write
 * `created` as a text. `account` is there on Connect events only.
 */
export function identify(body: Buffer): Identity {
  const event = parseObject(body);
  const id = event?.id;
  if (event === null || typeof id !== 'string' || !/^evt_[A-Za-z0-9_]{1,200}$/.test(id))
    throw new RejectedError('malformed', 'The body has no Stripe event id');
  return {
    eventId: id,
    type: typeOf(event.type),
    account: lineOf(event.account),
    livemode: typeof event.livemode === 'boolean' ? event.livemode : null,
    createdAtMs: millisOfSeconds(event.created) ?? millisOf(event.created),
  };
}
