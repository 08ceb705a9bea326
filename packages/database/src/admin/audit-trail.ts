import { Prisma } from '../generated/client.js';
import { findFirm } from './firms.js';
import { type EventCursor, ledgers } from './ledgers.js';
import { type PlainRow, toPlainRow } from './plain.js';
import type { Providers } from './providers.js';
import type { Scope, Transaction } from './scope.js';

export interface AuditRange {
  firmSlug: string;
  /** The start of the range. */
  from: Date;
  /** The end of the range, exclusive. */
  to: Date;
  /** Whether to include the exact bytes, in base64. */
  bodies: boolean;
}

export interface AuditLine extends PlainRow {
  kind: 'event' | 'attempt' | 'change' | 'quarantine' | 'action';
}

export interface AuditTrail {
  /**
   * The history of a firm in a range of time, in a stable order: its events, oldest first, each followed by its attempts and
   * changes; quarantined events; changes without an event; actions of operators. Read page by page, so there is no single
   * snapshot. The first line throws `firm_unknown`.
   */
  lines(range: AuditRange): AsyncIterable<AuditLine>;
}

export const auditTrailOf = (scope: Scope, providers: Providers): AuditTrail => ({
  async *lines({ firmSlug, from, to, bodies }) {
    const { id: firmId } = await scope.everywhere((tx) => findFirm(tx, firmSlug));
    const ledger = ledgers(providers);
    const size = bodies ? 25 : 500;
    const body = bodies
      ? Prisma.sql`, translate(encode(event_raw, 'base64'), E'\n', '') AS "bodyBase64"`
      : Prisma.empty;
    const inFirm = <T>(work: (tx: Transaction) => Promise<T>) => scope.inFirm(firmId, work);

    yield* paged<Ledgered>(size, (last) =>
      inFirm(async (tx) => {
        const events = await tx.$queryRaw<Ledgered[]>`
          SELECT 'event' AS kind, provider, event_id AS "eventId", event_type AS "eventType", channel, account, endpoint_id AS "endpointId",
            body_sha256 AS "bodySha256", provider_created_at AS "providerCreatedAt", received_at AS "receivedAt", applied_at AS "appliedAt",
            outcome, ignored_reason AS "ignoredReason", attempts, last_error AS "lastError", duplicate_count AS "duplicateCount",
            last_duplicate_at AS "lastDuplicateAt", received_at::text AS at ${body}
          FROM ${ledger} AS l WHERE firm_id = ${firmId}::uuid AND received_at >= ${from} AND received_at < ${to} AND ${
            last === null
              ? Prisma.sql`true`
              : Prisma.sql`(received_at, provider, event_id) > (${last.at}::timestamptz, ${last.provider}, ${last.eventId})`
          }
          ORDER BY received_at, provider, event_id LIMIT ${size}`;
        return withHistory(tx, events);
      }),
    );

    yield* paged<Numbered>(size, (last) =>
      inFirm(async (tx) => {
        const rows = await tx.$queryRaw<Numbered[]>`
          SELECT 'quarantine' AS kind, id, provider, event_id AS "eventId", event_type AS "eventType", channel, account,
            endpoint_id AS "endpointId", reason, body_sha256 AS "bodySha256", received_at AS "receivedAt", resolved_at AS "resolvedAt",
            resolution ${body}
          FROM webhook_quarantine
          WHERE firm_id = ${firmId}::uuid AND received_at >= ${from} AND received_at < ${to} AND id > ${last?.id ?? 0n}
          ORDER BY id LIMIT ${size}`;
        return rows.map((row) => [row]);
      }),
    );

    // Changes from polling DocuSign for envelopes; they have no event in the ledger.
    yield* paged<Numbered>(size, (last) =>
      inFirm(async (tx) => {
        const rows = await tx.$queryRaw<Numbered[]>`
          SELECT 'change' AS kind, ${changeColumns} FROM domain_changes
          WHERE firm_id = ${firmId}::uuid AND entity_type IN ('envelope', 'recipient') AND event_id LIKE 'poll~%'
            AND applied_at >= ${from} AND applied_at < ${to} AND id > ${last?.id ?? 0n}
          ORDER BY id LIMIT ${size}`;
        return rows.map((row) => [row]);
      }),
    );

    yield* paged<Numbered>(size, (last) =>
      inFirm(async (tx) => {
        const rows = await tx.$queryRaw<Numbered[]>`
          SELECT 'action' AS kind, id, run_id AS "runId", operator, action, params, result, at FROM operator_actions
          WHERE firm_id = ${firmId}::uuid AND at >= ${from} AND at < ${to} AND id > ${last?.id ?? 0n}
          ORDER BY id LIMIT ${size}`;
        return rows.map((row) => [row]);
      }),
    );
  },
});

interface Keyed {
  provider: string;
  eventId: string;
}
type Ledgered = EventCursor & { kind: 'event' };
interface Numbered {
  kind: AuditLine['kind'];
  id: bigint;
}

const changeColumns = Prisma.sql`id, provider, event_id AS "eventId", entity_type AS "entityType", entity_id AS "entityId", change,
  applied_at AS "appliedAt"`;

/** Each row with the lines that follow it. */
type Groups<Row> = [Row, ...object[]][];

async function* paged<Row extends object>(
  size: number,
  read: (last: Row | null) => Promise<Groups<Row>>,
): AsyncGenerator<AuditLine> {
  for (let last: Row | null = null; ; ) {
    const groups: Groups<Row> = await read(last);
    for (const line of groups.flat()) {
      const { at, ...row } = toPlainRow(line);
      yield (row.kind === 'event' ? row : { ...row, ...(at === undefined ? {} : { at }) }) as AuditLine;
    }
    if (groups.length < size) return;
    last = groups.at(-1)?.[0] ?? null;
  }
}

async function withHistory(tx: Transaction, events: readonly Ledgered[]): Promise<Groups<Ledgered>> {
  if (events.length === 0) return [];
  const keys = Prisma.sql`unnest(${events.map(({ provider }) => provider)}::text[], ${events.map(({ eventId }) => eventId)}::text[])
    AS k (provider, event_id)`;
  const attempts = await tx.$queryRaw<(Numbered & Keyed)[]>`
    SELECT 'attempt' AS kind, id, provider, event_id AS "eventId", outcome, attempt, error, created_at AS "createdAt"
    FROM webhook_attempts JOIN ${keys} USING (provider, event_id) ORDER BY id`;
  const changes = await tx.$queryRaw<(Numbered & Keyed)[]>`
    SELECT 'change' AS kind, ${changeColumns} FROM domain_changes JOIN ${keys} USING (provider, event_id) ORDER BY id`;
  const history = new Map<string, object[]>(events.map((event) => [keyOf(event), []]));
  for (const row of [...attempts, ...changes]) history.get(keyOf(row))?.push(row);
  return events.map((event) => [event, ...(history.get(keyOf(event)) ?? [])]);
}

const keyOf = ({ provider, eventId }: Keyed) => `${provider}:${eventId}`;
