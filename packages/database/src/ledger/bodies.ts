import { idempotencyKey, type WebhookEvent } from '@semel/core';
import type { Query } from '../connection/pool.js';
import { namesOf, ofEvents } from './of-events.js';

/**
 * Keeps a large body until its event is finished. One per event and firm; a second one only makes it new again, or the
 * sweeper could take an abandoned one away between this and the job that is about to name it.
 */
export async function insertBody(query: Query, event: WebhookEvent, body: Buffer): Promise<void> {
  await query(
    'INSERT INTO webhook_bodies (firm_id, provider, event_id, body) VALUES ($1, $2, $3, $4) ON CONFLICT (provider, event_id, firm_id) DO UPDATE SET created_at = now()',
    [event.firmId, event.provider, event.eventId, body],
  );
}

/** The events' own bodies, wherever they are kept, by idempotency key; never those of another firm under the same event id. */
export async function selectBodies(
  query: Query,
  events: readonly WebhookEvent[],
): Promise<Map<string, Buffer>> {
  const { rows } = await query(
    `SELECT provider, event_id, body FROM webhook_bodies WHERE ${ofEvents}
     UNION ALL SELECT provider, event_id, event_raw FROM webhook_spill WHERE ${ofEvents}`,
    namesOf(events),
  );
  return new Map(
    rows.map((row: { provider: string; event_id: string; body: Buffer }) => [
      idempotencyKey({ provider: row.provider, eventId: row.event_id }),
      row.body,
    ]),
  );
}

export async function deleteBodies(query: Query, events: readonly WebhookEvent[]): Promise<void> {
  await query(`DELETE FROM webhook_bodies WHERE ${ofEvents}`, namesOf(events));
}
