import type { Provider } from '@semel/core';
import type pg from 'pg';
import { withFirms } from '../connection/pool.js';
import { columnwise } from '../connection/sql-values.js';

/** Deliveries of one kind that made no new event, counted. */
export interface DeliverySum {
  firmId: string | null;
  provider: string;
  /** null for rejected requests, whose event id is not authentic. */
  eventId: string | null;
  endpointId: string | null;
  outcome: string;
  code: string | null;
  /** The sender's address, or `queue` for a duplicate that the ledger found. */
  source: string | null;
  /** Of the latest delivery, lower-case hex; null if unknown, or if the provider changes the body with each attempt. */
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

/** Adds the sums to `webhook_deliveries`. If the commit's answer is lost, a retry counts them twice; no event is affected. */
export async function addDeliveries(pool: pg.Pool, sums: readonly DeliverySum[]): Promise<void> {
  const firmIds = sums.flatMap(({ firmId }) => firmId ?? []);
  await withFirms(pool, { firmIds, platform: true }, (query) => query(upsert, columnwise(columns, sums)));
}

/** What the ledger recorded of an event: the delivery that came first. */
export interface RecordedEvent {
  endpointId: string;
  bodySha256: string;
}

/**
 * Copies the duplicate counts of these events from `webhook_deliveries` to their ledger rows. It never lowers a count, so it
 * may run repeatedly and in several processes at once. Returns the events that have a ledger row, by event id.
 */
export async function countDuplicates(
  pool: pg.Pool,
  provider: Provider,
  firmIds: readonly string[],
  eventIds: readonly string[],
): Promise<Map<string, RecordedEvent>> {
  const { table } = provider.ledger;
  const { rows } = await withFirms(pool, { firmIds }, (query) =>
    query(
      `WITH sums AS (
         SELECT firm_id, $1 || ':' || event_id AS key, sum(count)::bigint AS count, max(last_at) AS last_at
         FROM webhook_deliveries
         WHERE provider = $1 AND event_id = ANY ($2::text[]) AND outcome = 'duplicate' GROUP BY 1, 2
       ), counted AS (
         UPDATE ${table} AS t SET duplicate_count = s.count, last_duplicate_at = s.last_at
         FROM sums s WHERE t.idempotency_key = s.key AND t.firm_id = s.firm_id AND t.duplicate_count < s.count
       )
       SELECT t.idempotency_key, t.endpoint_id, t.body_sha256
       FROM ${table} AS t JOIN sums AS s ON t.idempotency_key = s.key AND t.firm_id = s.firm_id`,
      [provider.name, eventIds],
    ),
  );
  return new Map(
    rows.map((row: { idempotency_key: string; endpoint_id: string; body_sha256: string }) => [
      row.idempotency_key.slice(provider.name.length + 1),
      { endpointId: row.endpoint_id, bodySha256: row.body_sha256 },
    ]),
  );
}
