import { Prisma } from '../generated/client.js';
import { findFirm } from './firms.js';
import { conditions, type EventCursor, ledgers } from './ledgers.js';
import { findProvider, type Providers } from './providers.js';
import type { Scope, Transaction } from './scope.js';

/** The events to run again; never final ones. */
export interface ReplayFilter {
  outcome: 'failed' | 'dead';
  provider?: string;
  firmSlug?: string;
  type?: string;
  /** Received at or after this time. */
  since?: Date;
  /** Received before this time: the time of the plan, or else a replay might never end. */
  until: Date;
}

export interface ReplayPlan {
  count: number;
  firms: { firmSlug: string; count: number }[];
  types: { provider: string; type: string; count: number }[];
  oldest: Date | null;
  newest: Date | null;
}

export interface Replayable {
  /** The events that a replay would run. Changes nothing. */
  plan(filter: ReplayFilter): Promise<ReplayPlan>;
  /** The next events, oldest first. */
  page(filter: ReplayFilter, after: EventCursor | null, limit: number): Promise<EventCursor[]>;
}

export const replayableOf = (scope: Scope, providers: Providers): Replayable => ({
  plan: (filter) =>
    scope.everywhere(async (tx) => {
      const rows = await tx.$queryRaw<Group[]>`
        SELECT f.slug, l.provider, l.event_type AS type, count(*) AS count, min(received_at) AS oldest, max(received_at) AS newest
        FROM ${ledgers(providers, filter.provider)} AS l JOIN firms f ON f.id = l.firm_id
        WHERE ${await filterToSql(tx, providers, filter)}
        GROUP BY f.slug, l.provider, l.event_type ORDER BY f.slug, l.provider, l.event_type`;
      return toPlan(rows);
    }),

  page: (filter, after, limit) =>
    scope.everywhere(
      async (tx) =>
        tx.$queryRaw<EventCursor[]>`
        SELECT provider, event_id AS "eventId", received_at::text AS at FROM ${ledgers(providers, filter.provider)} AS l
        WHERE ${await filterToSql(tx, providers, filter)} AND ${
          after === null
            ? Prisma.sql`true`
            : Prisma.sql`(received_at, provider, event_id) > (${after.at}::timestamptz, ${after.provider}, ${after.eventId})`
        }
        ORDER BY received_at, provider, event_id LIMIT ${limit}`,
    ),
});

/** Repeats the predicate of the partial indexes literally, or PostgreSQL would not use them. */
async function filterToSql(
  tx: Transaction,
  providers: Providers,
  { outcome, provider, firmSlug, type, since, until }: ReplayFilter,
): Promise<Prisma.Sql> {
  if (provider !== undefined) findProvider(providers, provider);
  const firm = firmSlug === undefined ? null : await findFirm(tx, firmSlug);
  return conditions([
    Prisma.sql`outcome IN ('failed', 'dead') AND outcome = ${outcome} AND received_at < ${until}`,
    since && Prisma.sql`received_at >= ${since}`,
    firm && Prisma.sql`firm_id = ${firm.id}::uuid`,
    type !== undefined && Prisma.sql`event_type = ${type}`,
  ]);
}

interface Group {
  slug: string;
  provider: string;
  type: string;
  count: bigint;
  oldest: Date;
  newest: Date;
}

function toPlan(groups: readonly Group[]): ReplayPlan {
  const firms = new Map<string, number>();
  const types = new Map<string, ReplayPlan['types'][number]>();
  for (const { slug, provider, type, count } of groups) {
    firms.set(slug, (firms.get(slug) ?? 0) + Number(count));
    const key = `${provider} ${type}`;
    types.set(key, { provider, type, count: (types.get(key)?.count ?? 0) + Number(count) });
  }
  const times = groups.flatMap(({ oldest, newest }) => [oldest.getTime(), newest.getTime()]);
  return {
    count: groups.reduce((sum, { count }) => sum + Number(count), 0),
    firms: [...firms].map(([firmSlug, count]) => ({ firmSlug, count })),
    types: [...types.values()],
    oldest: times.length === 0 ? null : new Date(Math.min(...times)),
    newest: times.length === 0 ? null : new Date(Math.max(...times)),
  };
}
