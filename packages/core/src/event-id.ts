import { RejectedError } from './errors.js';

/**
 * BullMQ stores a queue's own keys under the same prefix as its jobs: a job with one of these ids would overwrite a list or
 * a set of the queue, and stop it. (BullMQ 6.7.0, `classes/queue-keys`.)
 */
export const reservedEventIds: ReadonlySet<string> = new Set([
  '',
  'active',
  'wait',
  'waiting-children',
  'paused',
  'id',
  'delayed',
  'prioritized',
  'stalled-check',
  'completed',
  'failed',
  'stalled',
  'repeat',
  'limiter',
  'meta',
  'events',
  'pc',
  'marker',
  'de',
]);

/**
 * Returns the id if it can be a claim, a job id and a unique column; else throws `malformed`.
 * BullMQ refuses `:` and ids of digits only; control characters can't be stored as text.
 */
export function assertEventId(eventId: string): string {
  const usable =
    !reservedEventIds.has(eventId) &&
    Buffer.byteLength(eventId) <= 255 &&
    !/^\d+$/.test(eventId) &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    !/[:\u0000-\u0020\u007f]/.test(eventId) &&
    eventId.isWellFormed();
  if (!usable) throw new RejectedError('malformed', 'The event id is not one that this provider uses');
  return eventId;
}
