import type { QuarantineEntry, WebhookEvent } from '@semel/core';
import type pg from 'pg';
import { type Query, withFirms } from '../connection/pool.js';
import { isoTime, storable } from '../connection/sql-values.js';
import { bodyOrReference, type EventRow, toEvent } from './event-row.js';
import { eventParameters, matchesEvents } from './match-events.js';
import { insertQuarantine } from './quarantine.js';

/** Identifies a row and its firm. */
export interface SpillRef {
  id: string;
  firmId: string;
}

export interface SpillRow extends SpillRef {
  /** Ready for the queue. */
  event: WebhookEvent;
  /** It was enqueued before. */
  enqueued: boolean;
  /** The queue refused it at the last attempt. */
  refused: boolean;
}

/**
 * Stores an event; one row per event and firm. `dueInMs`: when the relay takes the row; above 0 the row is a copy of an event
 * that is enqueued too. Returns false if another delivery of the event is stored already. The same delivery may be stored
 * twice, first as such a copy and then because Redis failed: the earlier due time wins.
 */
export async function insertSpill(
  query: Query,
  event: WebhookEvent,
  body: Buffer,
  { dueInMs }: { dueInMs: number },
): Promise<boolean> {
  const { rowCount } = await query(
    `INSERT INTO webhook_spill AS s (firm_id, provider, event_id, endpoint_id, account, event_type, channel, event_raw, body_sha256,
       ignored_reason, provider_created_at, received_at, due_at, enqueued_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now() + $13 * interval '1 millisecond', CASE WHEN $13 > 0 THEN now() END)
     ON CONFLICT (provider, event_id, firm_id) DO UPDATE SET due_at = least(s.due_at, excluded.due_at),
         enqueued_at = CASE WHEN excluded.due_at < s.due_at THEN excluded.enqueued_at ELSE s.enqueued_at END
       WHERE s.received_at = excluded.received_at`,
    [
      event.firmId,
      event.provider,
      event.eventId,
      event.endpointId,
      storable(event.account),
      storable(event.type),
      event.channel,
      body,
      event.sha256,
      event.ignored,
      isoTime(event.createdAtMs),
      isoTime(event.receivedAtMs),
      dueInMs,
    ],
  );
  return rowCount === 1;
}

/** Deletes the rows of these events of one provider, from whichever delivery they came. */
export async function deleteSpill(query: Query, events: readonly WebhookEvent[]): Promise<void> {
  await query(`DELETE FROM webhook_spill WHERE ${matchesEvents}`, eventParameters(events));
}

/**
 * Leases due rows for `leaseMs`. No lock is held while they are enqueued; if this process dies, they are due again when the
 * lease ends. Rows that were enqueued before and whose event is final are deleted: `finished` has the provider of each.
 */
export async function takeDueSpill(
  pool: pg.Pool,
  { providers, limit, leaseMs }: { providers: readonly string[]; limit: number; leaseMs: number },
): Promise<{ rows: SpillRow[]; finished: string[] }> {
  const due = await withFirms(pool, { firmIds: [] }, async (query) => {
    const { rows } = await query('SELECT id, firm_id AS "firmId" FROM semel_spill_due($1, $2)', [
      providers,
      limit,
    ]);
    return rows as SpillRef[];
  });
  if (due.length === 0) return { rows: [], finished: [] };
  const firmIds = due.map(({ firmId }) => firmId);
  return withFirms(pool, { firmIds }, async (query) => {
    const ids = due.map(({ id }) => id);
    const { rows: finished } = await query(
      `DELETE FROM webhook_spill WHERE id IN (
         SELECT s.id FROM webhook_spill s JOIN webhook_events e
           ON e.idempotency_key = s.provider || ':' || s.event_id AND e.firm_id = s.firm_id
         WHERE s.id = ANY ($1::bigint[]) AND s.enqueued_at IS NOT NULL AND e.outcome IN ('applied', 'stale', 'ignored')
         FOR UPDATE OF s SKIP LOCKED)
       RETURNING provider`,
      [ids],
    );
    const { rows } = await query(
      `UPDATE webhook_spill SET due_at = now() + $2 * interval '1 millisecond' WHERE id IN (
         SELECT id FROM webhook_spill WHERE id = ANY ($1::bigint[]) AND due_at <= now() ORDER BY id FOR UPDATE SKIP LOCKED)
       RETURNING *`,
      [ids, leaseMs],
    );
    return {
      rows: rows.map(toSpillRow).sort((a, b) => Number(a.id) - Number(b.id)),
      finished: finished.map(({ provider }) => provider),
    };
  });
}

interface StoredRow extends EventRow {
  id: string;
  firm_id: string;
  provider: string;
  event_id: string;
  event_raw: Buffer;
  ignored_reason: string | null;
  enqueued_at: Date | null;
  last_error: string | null;
}

const toSpillRow = (row: StoredRow): SpillRow => ({
  id: row.id,
  firmId: row.firm_id,
  enqueued: row.enqueued_at !== null,
  refused: row.last_error !== null,
  event: {
    ...toEvent(row, {
      firmId: row.firm_id,
      provider: row.provider,
      eventId: row.event_id,
      body: bodyOrReference(row.event_raw),
      ignored: row.ignored_reason,
    }),
    spilled: true,
  },
});

/**
 * Postpones these rows. `enqueued`: the queue has them; a row that is still here when it is due again was lost by the queue.
 * `error`: why the queue refused them.
 */
export async function postponeSpill(
  pool: pg.Pool,
  rows: readonly SpillRef[],
  { dueInMs, enqueued = false, error = null }: { dueInMs: number; enqueued?: boolean; error?: string | null },
): Promise<void> {
  if (rows.length === 0) return;
  await withFirms(pool, { firmIds: rows.map(({ firmId }) => firmId) }, (query) =>
    query(
      `UPDATE webhook_spill SET due_at = now() + $2 * interval '1 millisecond', last_error = $4,
         enqueued_at = CASE WHEN $3 THEN now() ELSE enqueued_at END
       WHERE id IN (SELECT id FROM webhook_spill WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE)`,
      [rows.map(({ id }) => id), dueInMs, enqueued, storable(error)],
    ),
  );
}

/** Moves the row to quarantine: its event id belongs to another firm. */
export async function quarantineSpill(pool: pg.Pool, { id, firmId, event }: SpillRow): Promise<void> {
  await withFirms(pool, { firmIds: [firmId] }, async (query) => {
    const { rows } = await query('DELETE FROM webhook_spill WHERE id = $1 RETURNING event_raw', [id]);
    const entry: QuarantineEntry = { event, reason: 'owner_collision' };
    if (rows[0] !== undefined) await insertQuarantine(query, entry, rows[0].event_raw);
  });
}
