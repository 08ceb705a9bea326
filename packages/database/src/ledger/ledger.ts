import {
  type EntityRef,
  type ExistingRow,
  entityId,
  idempotencyKey,
  type LedgerRow,
  type Provider,
  type WebhookEvent,
} from '@semel/core';
import type { Query } from '../connection/pool.js';
import { type Column, columnwise, isoTime, storable } from '../connection/sql-values.js';
import { searchableCopy } from './searchable-copy.js';

const link = (event: WebhookEvent, ref: EntityRef | undefined) =>
  ref === undefined ? null : entityId(event.firmId, event.provider, ref);

/** The statements of one provider's ledger table, each over many rows at once. */
export function ledgerOf(provider: Provider) {
  const { table, keyColumns, keyValues, linkColumns } = provider.ledger;
  const links: Column<LedgerRow>[] = linkColumns.map((name) => [
    name,
    'uuid',
    (row) => link(row.event, row.links[name]),
  ]);
  const columns: Column<LedgerRow>[] = [
    ['firm_id', 'uuid', ({ event }) => event.firmId],
    ['endpoint_id', 'uuid', ({ event }) => event.endpointId],
    ...keyColumns.map(
      (name, i): Column<LedgerRow> => [name, 'text', ({ event }) => keyValues(event.eventId)[i]],
    ),
    ['idempotency_key', 'text', ({ event }) => idempotencyKey(event)],
    ['event_type', 'text', ({ event }) => storable(event.type)],
    ['channel', 'text', ({ event }) => event.channel],
    ['account', 'text', ({ event }) => storable(event.account)],
    ['event_raw', 'bytea', ({ body }) => body],
    ['event_data', 'text', (row) => searchableCopy(provider, row.body)],
    ['body_sha256', 'text', ({ event }) => event.sha256],
    ['provider_created_at', 'timestamptz', ({ event }) => isoTime(event.createdAtMs)],
    ['received_at', 'timestamptz', ({ event }) => isoTime(event.receivedAtMs)],
    ['outcome', 'text', ({ outcome }) => outcome],
    ['ignored_reason', 'text', ({ ignored }) => ignored],
    ['last_error', 'text', ({ error }) => storable(error)],
    ...links,
  ];
  const names = columns.map(([name]) => name);
  const fromRaw = `CASE WHEN r.event_data = '' THEN convert_from(r.event_raw, 'UTF8')::jsonb ELSE r.event_data::jsonb END`;
  const insert = `
    INSERT INTO ${table} (${names.join(', ')}, attempts, applied_at)
    SELECT ${names.map((name) => (name === 'event_data' ? fromRaw : `r.${name}`)).join(', ')}, 1,
      CASE WHEN r.outcome IN ('failed', 'dead') THEN NULL ELSE now() END
    FROM unnest(${columns.map(([, type], i) => `$${i + 1}::${type}[]`).join(', ')}) AS r (${names.join(', ')})
    ORDER BY r.idempotency_key
    ON CONFLICT DO NOTHING
    RETURNING idempotency_key`;
  // Columns to fill in a row that failed because its stored body was missing.
  const refilled = columns
    .filter(([name]) => /^(event_raw|event_data|body_sha256)$/.test(name))
    .map(
      ([name, type, value]): Column<LedgerRow> => [
        name,
        type,
        (row) => ('stored' in row.event.body ? value(row) : null),
      ],
    );
  const finalized = columns
    .filter(([name]) => /^(idempotency_key|outcome|ignored_reason)$/.test(name))
    .concat(links, refilled);
  const finalize = `
    UPDATE ${table} AS t SET outcome = r.outcome, ignored_reason = r.ignored_reason, applied_at = now(), last_error = NULL,
      attempts = CASE WHEN t.outcome IN ('failed', 'dead') THEN t.attempts + 1 ELSE t.attempts END
      ${links.map(([name]) => `, ${name} = r.${name}`).join('')}
      ${refilled.map(([name]) => `, ${name} = CASE WHEN t.event_raw = '' AND r.event_raw IS NOT NULL THEN ${name === 'event_data' ? fromRaw : `r.${name}`} ELSE t.${name} END`).join('')}
    FROM unnest(${finalized.map(([, type], i) => `$${i + 1}::${type}[]`).join(', ')}) AS r (${finalized.map(([name]) => name).join(', ')})
    WHERE t.idempotency_key = r.idempotency_key`;

  return {
    async insert(query: Query, rows: readonly LedgerRow[]): Promise<Set<string>> {
      const { rows: inserted } = await query(insert, columnwise(columns, rows));
      return new Set(inserted.map((row: { idempotency_key: string }) => row.idempotency_key));
    },
    /** Locks each event's own row. The session may see the firms of a whole batch, so the firm is compared too. */
    async lock(query: Query, events: readonly WebhookEvent[]) {
      if (events.length === 0) return new Map<string, ExistingRow>();
      const { rows } = await query(
        `SELECT t.idempotency_key, t.outcome, t.received_at FROM ${table} t
         WHERE (t.idempotency_key, t.firm_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
         ORDER BY t.idempotency_key FOR UPDATE`,
        [events.map(idempotencyKey), events.map(({ firmId }) => firmId)],
      );
      return new Map(
        rows.map((row: { idempotency_key: string; outcome: string; received_at: Date }) => [
          row.idempotency_key,
          { outcome: row.outcome, receivedAtMs: row.received_at.getTime() },
        ]),
      );
    },
    async finalize(query: Query, rows: readonly LedgerRow[]): Promise<void> {
      if (rows.length > 0) await query(finalize, columnwise(finalized, rows));
    },
    /** Records `failed` or `dead`, but never over a final row or a row that this firm can't see. */
    async fail(query: Query, row: LedgerRow): Promise<boolean> {
      const { rowCount: inserted } = await query(insert, columnwise(columns, [row]));
      if (inserted) return true;
      const { rowCount: updated } = await query(
        `UPDATE ${table} SET outcome = $2, last_error = $3, attempts = attempts + 1,
           event_raw = CASE WHEN event_raw = '' THEN $4 ELSE event_raw END
         WHERE idempotency_key = $1 AND outcome IN ('failed', 'dead')`,
        [idempotencyKey(row.event), row.outcome, storable(row.error), row.body],
      );
      return Boolean(updated);
    },
    /** Non-empty bodies of rows that failed before: the source for an event whose stored body is missing. */
    async rawBodies(query: Query, events: readonly WebhookEvent[]): Promise<Map<string, Buffer>> {
      const { rows } = await query(
        `SELECT idempotency_key, event_raw FROM ${table}
         WHERE (idempotency_key, firm_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[])) AND event_raw <> ''`,
        [events.map(idempotencyKey), events.map(({ firmId }) => firmId)],
      );
      return new Map(
        rows.map((row: { idempotency_key: string; event_raw: Buffer }) => [
          row.idempotency_key,
          row.event_raw,
        ]),
      );
    },
  };
}
