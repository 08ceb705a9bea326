import { idempotencyKey, inlineBodyLimitBytes, type Provider, toBody, type WebhookEvent } from '@semel/core';
import type pg from 'pg';
import { withFirms } from '../connection/pool.js';
import { type EventRow, toEvent } from '../ledger/event-row.js';

/** Identifies a `failed` ledger row. */
export interface FailedEvent {
  id: string;
  firmId: string;
  eventId: string;
}

/** Lists `failed` rows of all firms that were received longer than `olderThanMs` ago, in id order. */
export async function listFailedEvents(
  pool: pg.Pool,
  { name, ledger }: Provider,
  { afterId, olderThanMs, limit }: { afterId: string; olderThanMs: number; limit: number },
): Promise<FailedEvent[]> {
  const { rows } = await withFirms(pool, { firmIds: [] }, (query) =>
    query(
      `SELECT id, firm_id AS "firmId", substr(idempotency_key, $5) AS "eventId"
       FROM semel_failed_events($1, $2, $3 * interval '1 millisecond', $4)`,
      [ledger.table, afterId, olderThanMs, limit, name.length + 2],
    ),
  );
  return rows;
}

type FailedRow = EventRow & { firm_id: string; event_id: string; body: Buffer | null };

/** Reads the rows that are still `failed`, as jobs. The worker loads large or missing bodies itself. */
export async function readFailedEvents(
  pool: pg.Pool,
  { name, ledger }: Provider,
  failed: readonly FailedEvent[],
): Promise<WebhookEvent[]> {
  if (failed.length === 0) return [];
  const firmIds = failed.map(({ firmId }) => firmId);
  const { rows } = await withFirms(pool, { firmIds }, (query) =>
    query(
      `SELECT firm_id, substr(idempotency_key, $3) AS event_id, endpoint_id, event_type, channel, account, body_sha256,
         provider_created_at, received_at, CASE WHEN octet_length(event_raw) BETWEEN 1 AND $2 THEN event_raw END AS body
       FROM ${ledger.table} WHERE id = ANY ($1::bigint[]) AND outcome = 'failed'`,
      [failed.map(({ id }) => id), inlineBodyLimitBytes, name.length + 2],
    ),
  );
  return (rows as FailedRow[]).map((row) =>
    toEvent(row, {
      firmId: row.firm_id,
      provider: name,
      eventId: row.event_id,
      body: row.body === null ? { stored: true } : toBody(row.body),
      ignored: null,
    }),
  );
}

/** Returns the current outcomes of these events by idempotency key; events without a row of their own firm are left out. */
export async function readOutcomes(
  pool: pg.Pool,
  { ledger }: Provider,
  events: readonly WebhookEvent[],
): Promise<Map<string, string>> {
  const firmIds = events.map(({ firmId }) => firmId);
  const { rows } = await withFirms(pool, { firmIds }, (query) =>
    query(
      `SELECT idempotency_key, outcome FROM ${ledger.table}
       WHERE (idempotency_key, firm_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))`,
      [events.map(idempotencyKey), events.map(({ firmId }) => firmId)],
    ),
  );
  return new Map(
    rows.map((row: { idempotency_key: string; outcome: string }) => [row.idempotency_key, row.outcome]),
  );
}
