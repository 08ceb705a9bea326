import type pg from 'pg';
import { type Query, withFirms } from '../connection/pool.js';
import { destinationBinding, type EncryptionKey, openSecret } from '../connection/secrets.js';
import { storable } from '../connection/sql-values.js';

/** Identifies a row and its firm. */
export interface OutboxRef {
  id: string;
  firmId: string;
}

/** A row that this process has claimed for delivery. */
export interface OutboxRow extends OutboxRef {
  effectKey: string;
  provider: string;
  eventId: string;
  destination: string;
  payload: unknown;
  /** 1, 2, …, this attempt included. */
  attempt: number;
  /** The firm's enabled destination of this name, or null. Its secret is null if another key encrypted it. */
  endpoint: { url: string; secret: string | null } | null;
}

export type OutboxResult =
  | { status: 'delivered' }
  | { status: 'pending'; delayMs: number; error: string }
  | { status: 'dead'; error: string };

/** Due rows of all firms that were not enqueued within the last `againAfterMs`: whose they are, and where they go. */
export async function listDueOutbox(
  pool: pg.Pool,
  { limit, againAfterMs }: { limit: number; againAfterMs: number },
): Promise<(OutboxRef & { destination: string })[]> {
  const due = await withFirms(pool, { firmIds: [] }, async (query) => {
    const { rows } = await query(
      `SELECT id, firm_id AS "firmId" FROM semel_outbox_due($1, $2 * interval '1 millisecond')`,
      [limit, againAfterMs],
    );
    return rows as OutboxRef[];
  });
  if (due.length === 0) return [];
  return withFirms(pool, { firmIds: due.map(({ firmId }) => firmId) }, async (query) => {
    const { rows } = await query(
      'SELECT id, firm_id AS "firmId", destination FROM webhook_outbox WHERE id = ANY ($1::uuid[])',
      [due.map(({ id }) => id)],
    );
    return rows;
  });
}

export async function markEnqueued(pool: pg.Pool, refs: readonly OutboxRef[]): Promise<void> {
  if (refs.length === 0) return;
  const firmIds = refs.map(({ firmId }) => firmId);
  await withFirms(pool, { firmIds }, (query) =>
    query(
      `UPDATE webhook_outbox SET enqueued_at = now() WHERE id IN (
         SELECT id FROM webhook_outbox WHERE id = ANY ($1::uuid[]) AND status = 'pending' ORDER BY id FOR UPDATE SKIP LOCKED)`,
      [refs.map(({ id }) => id)],
    ),
  );
}

/**
 * Leases a due row for `leaseMs`; no transaction stays open during the delivery. If this process dies, the row stays pending
 * and is delivered again when the lease ends. Returns null if the row is not due, not pending, or leased by another process.
 */
export async function claimOutboxRow(
  pool: pg.Pool,
  { id, firmId }: OutboxRef,
  { leaseMs, key }: { leaseMs: number; key: EncryptionKey },
): Promise<OutboxRow | null> {
  return withFirms(pool, { firmIds: [firmId] }, async (query) => {
    const { rows } = await query(
      `UPDATE webhook_outbox SET attempts = attempts + 1, next_attempt_at = now() + $2 * interval '1 millisecond'
       WHERE id = $1 AND status = 'pending' AND next_attempt_at <= now() + interval '1 second'
       RETURNING id, firm_id AS "firmId", effect_key AS "effectKey", provider, event_id AS "eventId", destination, payload,
         attempts AS attempt`,
      [id, leaseMs],
    );
    const row = rows[0];
    return row === undefined ? null : { ...row, endpoint: await endpointOf(query, row, key) };
  });
}

async function endpointOf(
  query: Query,
  { firmId, destination }: Pick<OutboxRow, 'firmId' | 'destination'>,
  key: EncryptionKey,
): Promise<OutboxRow['endpoint']> {
  const { rows } = await query(
    'SELECT id, url, sealed FROM webhook_destinations WHERE firm_id = $1 AND name = $2 AND disabled_at IS NULL',
    [firmId, destination],
  );
  const [found] = rows as { id: string; url: string; sealed: Buffer }[];
  if (found === undefined) return null;
  try {
    const bound = destinationBinding({ id: found.id, firmId });
    return { url: found.url, secret: openSecret(key, found.sealed, bound) };
  } catch {
    return { url: found.url, secret: null };
  }
}

/** Records the result of an attempt. A failure never overwrites a later attempt; nothing overwrites a final row. */
export async function recordOutboxResult(
  pool: pg.Pool,
  { id, firmId, attempt }: Pick<OutboxRow, 'id' | 'firmId' | 'attempt'>,
  result: OutboxResult,
): Promise<void> {
  const delayMs = result.status === 'pending' ? result.delayMs : 0;
  const error = result.status === 'delivered' ? null : storable(result.error);
  await withFirms(pool, { firmIds: [firmId] }, (query) =>
    query(
      `UPDATE webhook_outbox SET status = $3, last_error = $4, next_attempt_at = now() + $5 * interval '1 millisecond',
         delivered_at = CASE WHEN $3 = 'delivered' THEN now() END
       WHERE id = $1 AND status = 'pending' AND ($3 = 'delivered' OR attempts = $2)`,
      [id, attempt, result.status, error, delayMs],
    ),
  );
}
