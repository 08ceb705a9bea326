import { type Headers, type Identity, RejectedError } from '@semel/core';
import { typeOf } from '../clean-text.js';
import { parseObject } from '../json.js';
import { millisOf } from '../time.js';
import { signedHeadersOf } from './signed-headers.js';

/**
 * `webhook-id` (or `svix-id`) from the signed headers is the same in every attempt; the body may be anything.
 * The id identifies the message for its sender alone: services choose ids by themselves, and some count.
 * (standard-webhooks.com, spec 1.0.0, "webhook-id: the unique webhook identifier")
 * `timestamp` in the body is the time of the event; the timestamp header is the time of the attempt.
 */
export function identify(body: Buffer, _channel: string | null, headers: Headers = {}): Identity {
  const id = signedHeadersOf(headers)?.id;
  if (body.length === 0) throw new RejectedError('malformed', 'The body is empty');
  if (id === undefined || !/^[A-Za-z0-9_.-]{1,200}$/.test(id))
    throw new RejectedError(
      'malformed',
      'The signed id of the webhook is not 1 to 200 letters, digits and _ . -',
    );
  const event = parseObject(body);
  return {
    eventId: id,
    type: typeOf(event?.type),
    account: null,
    livemode: null,
    createdAtMs: millisOf(event?.timestamp),
  };
}
