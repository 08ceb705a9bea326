import { idempotencyKey, type WebhookEvent } from '@semel/core';
import type { Query } from '../connection/pool.js';
import { eventParameters, matchesEvents } from './match-events.js';

/**
 * Stores a large body until its event is final; one row per event and firm. Storing it again only renews `created_at`, so
 * that the sweeper can't delete an abandoned body just before the new job refers to it.
 */
export async function insertBody(query: Query, event: WebhookEvent, body: Buffer): Promise<void> {
  await query(
    'INSERT INTO webhook_bodies (firm_id, provider, event_id, body) VALUES ($1, $2, $3, $4) ON CONFLICT (provider, event_id, firm_id) DO UPDATE SET created_at = now()',
    [event.firmId, event.provider, event.eventId, body],
  );
}

/** The events' bodies from `webhook_bodies` or the spill, by idempotency key; never another firm's under the same event id. */
export async function selectBodies(
  query: Query,
  events: readonly WebhookEvent[],
): Promise<Map<string, Buffer>> {
  const { rows } = await query(
    `SELECT event_id, firm_id, body FROM webhook_bodies
       WHERE provider = $1 AND (event_id, firm_id) IN (SELECT * FROM unnest($4::text[], $3::uuid[]))
     UNION ALL SELECT event_id, firm_id, event_raw FROM webhook_spill WHERE ${matchesEvents}`,
    [...eventParameters(events), events.map(storedId)],
  );
  const found = new Map(
    rows.map((row: { event_id: string; firm_id: string; body: Buffer }) => [
      `${row.event_id} ${row.firm_id}`,
      row.body,
    ]),
  );
  const bodies = new Map<string, Buffer>();
  for (const event of events) {
    const body =
      found.get(`${storedId(event)} ${event.firmId}`) ?? found.get(`${event.eventId} ${event.firmId}`);
    if (body !== undefined) bodies.set(idempotencyKey(event), body);
  }
  return bodies;
}

/** The event's id in `webhook_bodies`. */
const storedId = ({ body, eventId }: WebhookEvent): string =>
  'stored' in body ? (body.storedUnder ?? eventId) : eventId;

export async function deleteBodies(query: Query, events: readonly WebhookEvent[]): Promise<void> {
  await query(`DELETE FROM webhook_bodies WHERE ${matchesEvents}`, eventParameters(events, storedId));
}
