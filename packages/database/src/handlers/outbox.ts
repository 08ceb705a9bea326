import type pg from 'pg';
import { type Query, withFirms } from '../connection/pool.js';
import { destinationBinding, type EncryptionKey, openSecret } from '../connection/secrets.js';
import { storable } from '../connection/sql-values.js';

/** Names a row, and whose it is. */
export interface OutboxRef {
  id: string;
  firmId: string;
}

/** A row that this process delivers now. */
export interface OutboxRow extends OutboxRef {
  effectKey: string;
  provider: string;
  eventId: string;
  destination: string;
  payload: unknown;
  /** 1, 2, …: this one is in it. */
  attempt: number;
  /**
   * The firm's own destination of this name; null where it has none that takes deliveries. Its secret is null where another
   * encryption key sealed it.
   */
  endpoint: { url: string; secret: string | null } | null;
}

export type OutboxSettlement =
  | { status: 'delivered' }
  | { status: 'pending'; delayMs: number; error: string }
  | { status: 'dead'; error: string };

/** What is due and not in the queue, or was put there longer than `againAfterMs` ago. Of all firms, and ids only. */
export async function outboxDue(
  pool: pg.Pool,
  { limit, againAfterMs }: { limit: number; againAfterMs: number },
): Promise<OutboxRef[]> {
  return withFirms(pool, { firmIds: [] }, async (query) => {
    const { rows } = await query(
      `SELECT id, firm_id AS "firmId" FROM semel_outbox_due($1, $2 * interval '1 millisecond')`,
      [limit, againAfterMs],
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
 * Takes a due row for `leaseMs`: no transaction stays open while it is delivered. A process that dies meanwhile leaves it
 * pending, and it is delivered again after that. null: it is not due, not pending, or another process has it.
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

/** Writes down how the attempt went. A failure says nothing over a later attempt, and nothing is said over a final row. */
export async function settleOutboxRow(
  pool: pg.Pool,
  { id, firmId, attempt }: Pick<OutboxRow, 'id' | 'firmId' | 'attempt'>,
  settlement: OutboxSettlement,
): Promise<void> {
  const delayMs = settlement.status === 'pending' ? settlement.delayMs : 0;
  const error = settlement.status === 'delivered' ? null : storable(settlement.error);
  await withFirms(pool, { firmIds: [firmId] }, (query) =>
    query(
      `UPDATE webhook_outbox SET status = $3, last_error = $4, next_attempt_at = now() + $5 * interval '1 millisecond',
         delivered_at = CASE WHEN $3 = 'delivered' THEN now() END
       WHERE id = $1 AND status = 'pending' AND ($3 = 'delivered' OR attempts = $2)`,
      [id, attempt, settlement.status, error, delayMs],
    ),
  );
}
