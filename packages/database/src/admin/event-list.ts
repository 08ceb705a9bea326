import { applyOutcomes, entities, entityId } from '@semel/core';
import { Prisma } from '../generated/client.js';
import { AdminError } from './admin-error.js';
import { findFirm } from './firms.js';
import { conditions, type EventCursor, ledgers } from './ledgers.js';
import { findProvider, type Providers } from './providers.js';
import type { Transaction } from './scope.js';

export interface EventFilter {
  provider?: string;
  firmSlug?: string;
  outcome?: string;
  type?: string;
  /** The provider's account, as named in the body. */
  account?: string;
  /** The provider's id of an object; lists the events that changed it. */
  object?: string;
  /** Received at or after this time. */
  since?: Date;
  /** Received before this time. */
  until?: Date;
  /** The cursor of the previous page. */
  after?: EventCursor;
  limit: number;
}

export interface EventSummary {
  provider: string;
  eventId: string;
  firmSlug: string;
  eventType: string;
  account: string | null;
  outcome: string;
  receivedAt: Date;
  appliedAt: Date | null;
  attempts: number;
  lastError: string | null;
  duplicateCount: number;
}

export interface EventPage {
  rows: EventSummary[];
  /** The cursor of the next page; null: this is the last one. */
  next: EventCursor | null;
}

const mostAtOnce = 1_000;

/** Newest first. Failed and dead events have a partial index; all others are indexed by firm, hence the lateral join. */
export async function listEvents(
  tx: Transaction,
  providers: Providers,
  filter: EventFilter,
): Promise<EventPage> {
  const { provider, firmSlug, outcome, type, account, object, since, until, after } = filter;
  if (provider !== undefined) findProvider(providers, provider);
  if (outcome !== undefined) checkOutcome(outcome);
  const firms = firmSlug === undefined ? await tx.firm.findMany() : [await findFirm(tx, firmSlug)];
  const slugs = new Map(firms.map(({ id, slug }) => [id, slug]));
  const firmIds = [...slugs.keys()];
  const keys =
    object === undefined ? null : await keysOfObject(tx, providers, { firmIds, provider, id: object });
  const limit = Math.max(1, Math.min(mostAtOnce, Math.trunc(filter.limit)));
  const unfinished = outcome === 'failed' || outcome === 'dead';
  const where = conditions([
    outcome !== undefined && Prisma.sql`outcome = ${outcome}`,
    unfinished && Prisma.sql`outcome IN ('failed', 'dead')`,
    type !== undefined && Prisma.sql`event_type = ${type}`,
    account !== undefined && Prisma.sql`account = ${account}`,
    keys !== null && Prisma.sql`idempotency_key = ANY (${keys})`,
    since && Prisma.sql`received_at >= ${since}`,
    until && Prisma.sql`received_at < ${until}`,
    after &&
      Prisma.sql`received_at <= ${after.at}::timestamptz AND (received_at < ${after.at}::timestamptz
        OR (provider, event_id) > (${after.provider}, ${after.eventId}))`,
  ]);
  const columns = Prisma.sql`provider, event_id, firm_id, event_type, account, outcome, received_at, received_at::text AS at, applied_at,
    attempts, last_error, duplicate_count`;
  const newest = Prisma.sql`ORDER BY received_at DESC, provider, event_id LIMIT ${limit}`;
  const from = ledgers(providers, provider);
  const rows = await tx.$queryRaw<Row[]>(
    unfinished && firmSlug === undefined
      ? Prisma.sql`SELECT ${columns} FROM ${from} AS l WHERE ${where} ${newest}`
      : Prisma.sql`SELECT e.* FROM unnest(${firmIds}::uuid[]) AS f (id) CROSS JOIN LATERAL (
          SELECT ${columns} FROM ${from} AS l WHERE firm_id = f.id AND ${where} ${newest}
        ) AS e ${newest}`,
  );
  const last = rows.length < limit ? undefined : rows.at(-1);
  return {
    rows: rows.map((row) => toSummary(row, slugs)),
    next: last === undefined ? null : { at: last.at, provider: last.provider, eventId: last.event_id },
  };
}

function checkOutcome(outcome: string): void {
  if ((applyOutcomes as readonly string[]).includes(outcome)) return;
  throw new AdminError(
    'input_invalid',
    `"${outcome}" is not an outcome`,
    `choose one of: ${applyOutcomes.join(', ')}`,
  );
}

/** Finds the changes by row id. Row ids are derived from the provider's ids, so no object table is searched. */
async function keysOfObject(
  tx: Transaction,
  providers: Providers,
  of: { firmIds: readonly string[]; provider: string | undefined; id: string },
): Promise<string[]> {
  const names = of.provider === undefined ? providers.map(({ name }) => name) : [of.provider];
  const refs = of.firmIds.flatMap((firm) =>
    entities.flatMap((entity) =>
      names.map((name) => ({ firm, entity, id: entityId(firm, name, { entity, externalId: of.id }) })),
    ),
  );
  const rows = await tx.$queryRaw<{ key: string }[]>`
    SELECT DISTINCT c.provider || ':' || c.event_id AS key
    FROM unnest(${refs.map(({ firm }) => firm)}::uuid[], ${refs.map(({ entity }) => entity)}::text[],
      ${refs.map(({ id }) => id)}::uuid[]) AS o (firm_id, entity_type, entity_id)
    JOIN domain_changes c USING (firm_id, entity_type, entity_id)`;
  return rows.map(({ key }) => key);
}

interface Row {
  provider: string;
  event_id: string;
  firm_id: string;
  event_type: string;
  account: string | null;
  outcome: string;
  received_at: Date;
  at: string;
  applied_at: Date | null;
  attempts: number;
  last_error: string | null;
  duplicate_count: bigint;
}

const toSummary = (row: Row, slugs: ReadonlyMap<string, string>): EventSummary => ({
  provider: row.provider,
  eventId: row.event_id,
  firmSlug: slugs.get(row.firm_id) ?? '',
  eventType: row.event_type,
  account: row.account,
  outcome: row.outcome,
  receivedAt: row.received_at,
  appliedAt: row.applied_at,
  attempts: row.attempts,
  lastError: row.last_error,
  duplicateCount: Number(row.duplicate_count),
});
