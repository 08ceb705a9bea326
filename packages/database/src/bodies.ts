import { idempotencyKey, type WebhookEvent } from '@semel/core';
import type { Query } from './pool.js';

/** Keeps a large body until its event is finished. One per event and owner; a second one changes nothing. */
export async function insertBody(query: Query, event: WebhookEvent, body: Buffer): Promise<void> {
  await query(
    'INSERT INTO webhook_bodies (firm_id, provider, event_id, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
    [event.owner, event.provider, event.eventId, body],
  );
}

/** The session's own firms' bodies, by idempotency key. */
export async function selectBodies(
  query: Query,
  events: readonly WebhookEvent[],
): Promise<Map<string, Buffer>> {
  const { rows } = await query(
    'SELECT provider, event_id, body FROM webhook_bodies WHERE provider = $1 AND event_id = ANY ($2::text[])',
    [events[0]?.provider, events.map((event) => event.eventId)],
  );
  return new Map(
    rows.map((row: { provider: string; event_id: string; body: Buffer }) => [
      idempotencyKey({ provider: row.provider, eventId: row.event_id }),
      row.body,
    ]),
  );
}

export async function deleteBodies(query: Query, events: readonly WebhookEvent[]): Promise<void> {
  await query('DELETE FROM webhook_bodies WHERE provider = $1 AND event_id = ANY ($2::text[])', [
    events[0]?.provider,
    events.map((event) => event.eventId),
  ]);
}
