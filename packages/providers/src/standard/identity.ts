import { type Headers, type Identity, RejectedError, reservedEventIds } from '@semel/core';
import { typeOf } from '../clean-text.js';
import { parseObject } from '../json.js';
import { millisOf } from '../time.js';
import { signedHeadersOf } from './signed-headers.js';

/**
 * `webhook-id` (or `svix-id`), of the signed set alone, is the same for every attempt; the body may be anything.
 * `timestamp` in the body is the event's time, the header of that name the attempt's.
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

/** A service may count its webhooks, and the queue takes no such ids. `=` is in no id, so that no two become one. */
const usable = (id: string) => (/^\d+$/.test(id) || reservedEventIds.has(id) ? `id=${id}` : id);
