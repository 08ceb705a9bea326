import type { WebhookEvent } from './event.js';
import type { EventQueue } from './ports.js';

/** The id under which a firm's event is released from quarantine if its own id is another firm's. */
export const releasedId = (eventId: string, firmSlug: string): string => `${eventId}~${firmSlug}`;

/**
 * Enqueues a quarantined event for its firm: under its own id unless that is taken, else under `releasedId`. Returns the event
 * under its id, and what became of its job. null: both ids are another firm's.
 */
export async function releaseEvent(
  event: WebhookEvent,
  { firmSlug, isTaken }: { firmSlug: string; isTaken: boolean },
  requeue: EventQueue['requeue'],
): Promise<{ event: WebhookEvent; job: 'enqueued' | 'alive' } | null> {
  const marked = { ...event, eventId: releasedId(event.eventId, firmSlug) };
  for (const candidate of isTaken ? [marked] : [event, marked]) {
    const job = await requeue(candidate);
    if (job !== 'foreign') return { event: candidate, job };
  }
  return null;
}
