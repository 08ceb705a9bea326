import { fromBody, type QuarantineEntry, SemelError } from '@semel/core';
import type pg from 'pg';
import { type Query, withFirms } from '../connection/pool.js';
import { isoTime, storable } from '../connection/sql-values.js';

/** One row per (provider, event id, endpoint); a second delivery changes nothing, even after a release. */
export async function insertQuarantine(
  query: Query,
  { event, reason }: QuarantineEntry,
  body?: Buffer,
): Promise<void> {
  const raw = body ?? fromBody(event.body);
  if (raw === null) throw new SemelError('body_missing');
  await query(
    `INSERT INTO webhook_quarantine (provider, event_id, firm_id, endpoint_id, account, reason, event_type, channel,
       event_raw, body_sha256, ignored_reason, provider_created_at, received_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`,
    [
      event.provider,
      event.eventId,
      event.firmId,
      event.endpointId,
      storable(event.account),
      reason,
      storable(event.type),
      event.channel,
      raw,
      event.sha256,
      event.ignored,
      isoTime(event.createdAtMs),
      isoTime(event.receivedAtMs),
    ],
  );
}

/** Commits the row in its own transaction. A row without a firm belongs to the platform. */
export const commitQuarantine = (pool: pg.Pool, entry: QuarantineEntry): Promise<void> =>
  withFirms(pool, { firmIds: entry.event.firmId ? [entry.event.firmId] : [], platform: true }, (query) =>
    insertQuarantine(query, entry),
  );
