import { type Headers, type Identity, RejectedError, reservedEventIds } from '@semel/core';
import { typeOf } from '../clean-text.js';
import { parseObject } from '../json.js';
import { millisOf } from '../time.js';
import { signedHeadersOf } from './signed-headers.js';

/**
 * `webhook-id` (or `svix-id`) from the signed headers is the same in every attempt; the body may be anything.
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
    eventId: usable(id),
    type: typeOf(event?.type),
    account: null,
    livemode: null,
    createdAtMs: millisOf(event?.timestamp),
  };
}

/** The queue can't take a number or a reserved name as an id. No webhook id contains `=`, so the prefixed id stays unique. */
const usable = (id: string) => (/^\d+$/.test(id) || reservedEventIds.has(id) ? `id=${id}` : id);
