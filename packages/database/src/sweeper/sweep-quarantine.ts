import { idempotencyKey, type Provider, toBody, type WebhookEvent } from '@semel/core';
import type pg from 'pg';
import { withFirms } from '../connection/pool.js';
import { type KeptRow, toEvent } from '../ledger/kept-event.js';

/** Names a row in quarantine whose account was unknown, and the firm that the account is mapped to by now. */
export interface MappedRow {
  id: string;
  firmId: string;
  firmSlug: string;
  provider: string;
  eventId: string;
}

/** Such rows of all firms, in the order of their ids. */
export async function mappedQuarantine(
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

type QuarantinedRow = KeptRow & { event_raw: Buffer; ignored_reason: string | null };

/** The event, for the firm of its account. null: the row waits no more, or is not that firm's. */
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
  // The body rides in the job whatever its size: nothing else keeps it where a worker would look.
  const body = toBody(row.event_raw);
  return toEvent(row, { owner: firmId, provider, eventId, body, ignored: row.ignored_reason });
}

/** Whether another firm has an event of this id. */
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
 * Marks the row as released where the firm's ledger has the event under one of these ids, however it ended: only then can it
 * not be lost any more. True: it is marked.
 */
export async function settleMapped(
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
