import { idempotencyKey, type Provider, toBody, type WebhookEvent } from '@semel/core';
import type pg from 'pg';
import { withFirms } from '../connection/pool.js';
import { type EventRow, toEvent } from '../ledger/event-row.js';

/** A quarantined row whose account was unknown and is now mapped to a firm. */
export interface MappedRow {
  id: string;
  firmId: string;
  firmSlug: string;
  provider: string;
  eventId: string;
}

/** Lists such rows of all firms, in id order. */
export async function listMappedQuarantine(
  pool: pg.Pool,
  { afterId, limit }: { afterId: string; limit: number },
): Promise<MappedRow[]> {
  const { rows } = await withFirms(pool, { firmIds: [] }, (query) =>
    query(
      `SELECT id, firm_id AS "firmId", firm_slug AS "firmSlug", provider, event_id AS "eventId"
       FROM semel_quarantine_mapped($1, $2)`,
      [afterId, limit],
    ),
  );
  return rows;
}

type QuarantinedRow = EventRow & { event_raw: Buffer; ignored_reason: string | null };

/** Reads the event, owned by the account's firm. null: the row is resolved, or not that firm's. */
export async function readMapped(
  pool: pg.Pool,
  { id, firmId, provider, eventId }: MappedRow,
): Promise<WebhookEvent | null> {
  const { rows } = await withFirms(pool, { firmIds: [firmId] }, (query) =>
    query(
      `SELECT endpoint_id, event_type, channel, account, body_sha256, provider_created_at, received_at, event_raw, ignored_reason
       FROM webhook_quarantine WHERE id = $1 AND resolved_at IS NULL AND reason = 'account_unknown'`,
      [id],
    ),
  );
  const row = rows[0] as QuarantinedRow | undefined;
  if (row === undefined) return null;
  // The job carries the body whatever its size: a worker does not read bodies from the quarantine.
  const body = toBody(row.event_raw);
  return toEvent(row, { firmId, provider, eventId, body, ignored: row.ignored_reason });
}

/** True if another firm has an event with this id. */
export async function isForeign(
  pool: pg.Pool,
  { name, ledger }: Provider,
  { eventId, firmId }: Pick<MappedRow, 'eventId' | 'firmId'>,
): Promise<boolean> {
  const key = idempotencyKey({ provider: name, eventId });
  const { rows } = await withFirms(pool, { firmIds: [firmId] }, (query) =>
    query('SELECT semel_event_is_foreign($1, $2, $3) AS foreign', [ledger.table, key, firmId]),
  );
  return rows[0]?.foreign === true;
}

/**
 * Marks the row as released if the firm's ledger has the event under one of these ids, with any outcome: only then is it
 * safe. Returns whether it did.
 */
export async function resolveMapped(
  pool: pg.Pool,
  { name, ledger }: Provider,
  { id, firmId }: MappedRow,
  eventIds: readonly string[],
): Promise<boolean> {
  const { rowCount } = await withFirms(pool, { firmIds: [firmId] }, (query) =>
    query(
      `UPDATE webhook_quarantine SET resolved_at = now(), resolution = 'released by the sweeper'
       WHERE id = $1 AND resolved_at IS NULL AND reason = 'account_unknown'
         AND EXISTS (SELECT FROM ${ledger.table} WHERE idempotency_key = ANY ($2) AND firm_id = $3)`,
      [id, eventIds.map((eventId) => idempotencyKey({ provider: name, eventId })), firmId],
    ),
  );
  return rowCount === 1;
}
