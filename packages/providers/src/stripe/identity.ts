import { type Identity, RejectedError } from '@semel/core';
import { lineOf, typeOf } from '../clean-text.js';
import { type JsonObject, parseObject } from '../json.js';
import { millisOf, millisOfSeconds } from '../time.js';

/**
 * `id` is the same in every attempt and resend, and unique among all accounts: "Unique identifier for the object".
 * (docs.stripe.com/api/events/object) Thin events (`v2.core.event`) have it too, but with `created` as an ISO 8601
 * string.
 */
export function identify(body: Buffer): Identity {
  const event = parseObject(body);
  const id = event?.id;
  if (event === null || typeof id !== 'string' || !/^evt_[A-Za-z0-9_]{1,200}$/.test(id))
    throw new RejectedError('malformed', 'The body has no Stripe event id');
  return {
    eventId: id,
    type: typeOf(event.type),
    account: accountOf(event),
    livemode: typeof event.livemode === 'boolean' ? event.livemode : null,
    createdAtMs: millisOfSeconds(event.created) ?? millisOf(event.created),
  };
}

/**
 * The connected account, on Connect events only: `account` (`user_id` until 2017). Thin events have `context` instead: the
 * account's id, or a path that ends with it. (docs.stripe.com/api/v2/core/events)
 */
function accountOf({ account, user_id, context }: JsonObject): string | null {
  const named = lineOf(account) ?? lineOf(user_id);
  if (named !== null) return named;
  const last = typeof context === 'string' ? (context.split('/').findLast((part) => part !== '') ?? '') : '';
  return /^acct_\w{1,100}$/.test(last) ? last : null;
}
