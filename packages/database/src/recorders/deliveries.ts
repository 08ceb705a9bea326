import type { Provider } from '@semel/core';
import type pg from 'pg';
import { withFirms } from '../connection/pool.js';
import { columnwise } from '../connection/sql-values.js';

/** A delivery that made no new event: one more of the same kind is only counted. */
export interface DeliverySum {
  firmId: string | null;
  provider: string;
  /** null for rejected requests: they name no authentic event. */
  eventId: string | null;
  endpointId: string | null;
  outcome: string;
  code: string | null;
  /** Where it came from: the sender's address, or `queue` for a duplicate that the ledger found. */
  source: string | null;
  /** Of the last of them, lower-case hex; null where it is not known, or says nothing (the body changes with each attempt). */
  bodySha256: string | null;
  count: number;
  firstAtMs: number;
  lastAtMs: number;
}

const columns = [
  ['firm_id', 'uuid', (sum: DeliverySum) => sum.firmId],
  ['provider', 'text', (sum: DeliverySum) => sum.provider],
  ['event_id', 'text', (sum: DeliverySum) => sum.eventId],
  ['endpoint_id', 'uuid', (sum: DeliverySum) => sum.endpointId],
  ['outcome', 'text', (sum: DeliverySum) => sum.outcome],
  ['code', 'text', (sum: DeliverySum) => sum.code],
  ['source', 'text', (sum: DeliverySum) => sum.source],
  ['body_sha256', 'text', (sum: DeliverySum) => sum.bodySha256],
  ['count', 'bigint', (sum: DeliverySum) => sum.count],
  ['first_at', 'timestamptz', (sum: DeliverySum) => new Date(sum.firstAtMs).toISOString()],
  ['last_at', 'timestamptz', (sum: DeliverySum) => new Date(sum.lastAtMs).toISOString()],
] as const;
const names = columns.map(([name]) => name).join(', ');

const upsert = `
  INSERT INTO webhook_deliveries AS d (${names})
  SELECT * FROM unnest(${columns.map(([, type], i) => `$${i + 1}::${type}[]`).join(', ')}) AS r (${names})
  ORDER BY r.provider, r.event_id, r.endpoint_id, r.firm_id, r.outcome, r.code, r.source
  ON CONFLICT (provider, event_id, endpoint_id, firm_id, outcome, code, source) DO UPDATE SET
    count = d.count + excluded.count,
    body_sha256 = COALESCE(excluded.body_sha256, d.body_sha256),
    first_at = least(d.first_at, excluded.first_at),
    last_at = greatest(d.last_at, excluded.last_at)`;

/** Adds the sums up in `webhook_deliveries`. A lost answer may count them twice: history, never an event. */
export async function addDeliveries(pool: pg.Pool, sums: readonly DeliverySum[]): Promise<void> {
  const firmIds = sums.flatMap(({ firmId }) => firmId ?? []);
  await withFirms(pool, { firmIds, platform: true }, (query) => query(upsert, columnwise(columns, sums)));
}

/**
 * Writes the sums into the ledger rows of these events. It counts anew from `webhook_deliveries` and only upwards, so
 * it may run at any time, twice, and in two processes at once. Returns the event ids that have a ledger row, and whether a
 * duplicate of theirs had another body.
 */
export async function countDuplicates(
  pool: pg.Pool,
  provider: Provider,
  firmIds: readonly string[],
  eventIds: readonly string[],
): Promise<Map<string, { otherBody: boolean }>> {
  const { table } = provider.ledger;
  const { rows } = await withFirms(pool, { firmIds }, (query) =>
    query(
      `WITH sums AS (
         SELECT firm_id, $1 || ':' || event_id AS key, sum(count)::bigint AS count, max(last_at) AS last_at,
           array_agg(body_sha256) FILTER (WHERE body_sha256 IS NOT NULL) AS bodies
         FROM webhook_deliveries
         WHERE provider = $1 AND event_id = ANY ($2::text[]) AND outcome = 'duplicate' GROUP BY 1, 2
       ), counted AS (
         UPDATE ${table} AS t SET duplicate_count = s.count, last_duplicate_at = s.last_at
         FROM sums s WHERE t.idempotency_key = s.key AND t.firm_id = s.firm_id AND t.duplicate_count < s.count
       )
       SELECT t.idempotency_key, COALESCE(t.body_sha256 <> ANY (s.bodies), false) AS other_body
       FROM ${table} AS t JOIN sums AS s ON t.idempotency_key = s.key AND t.firm_id = s.firm_id`,
      [provider.name, eventIds],
    ),
  );
  return new Map(
    rows.map((row: { idempotency_key: string; other_body: boolean }) => [
      row.idempotency_key.slice(provider.name.length + 1),
      { otherBody: row.other_body },
    ]),
  );
}
