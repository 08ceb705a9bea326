import type pg from 'pg';
import { toStoreError } from '../connection/store-error.js';
import { pendingOf } from '../migrate/is-migrated.js';
import { ledgers } from './ledgers.js';
import type { Providers } from './providers.js';
import type { Scope } from './scope.js';

/** What PostgreSQL says of the whole. Ages are of the oldest row; null: there is none. */
export interface Overview {
  endpoints: number;
  /** Endpoints that have refused for an hour, without a 2xx between. */
  failingEndpoints: number;
  spill: { waiting: number; oldest: Date | null; steppedAside: number };
  quarantine: { open: number; oldest: Date | null };
  /** Received within the last day, by how they ended so far. */
  events: { provider: string; failed: number; dead: number }[];
  outbox: { pending: number; overdue: number; dead: number };
}

export interface Status {
  /** The names of migrations that are not applied; nothing can be counted before they are. */
  pendingMigrations(): Promise<string[]>;
  overview(): Promise<Overview>;
}

export const statusOf = (pool: pg.Pool, scope: Scope, providers: Providers): Status => ({
  pendingMigrations: () =>
    pendingOf(pool).catch((error: unknown) => {
      throw toStoreError(error);
    }),

  overview: () =>
    scope.everywhere(async (tx) => {
      const [rows, unfinished] = [
        await tx.$queryRaw<Counts[]>`SELECT
          (SELECT count(*) FROM webhook_endpoints WHERE removed_at IS NULL AND disabled_at IS NULL) AS endpoints,
          (SELECT count(*) FROM webhook_endpoint_health h JOIN webhook_endpoints e ON e.id = h.endpoint_id
            WHERE e.removed_at IS NULL AND e.disabled_at IS NULL AND h.refused_at - h.refused_since > interval '1 hour') AS failing,
          (SELECT count(*) FROM webhook_spill WHERE enqueued_at IS NULL) AS waiting,
          (SELECT min(received_at) FROM webhook_spill WHERE enqueued_at IS NULL) AS waiting_since,
          (SELECT count(*) FROM webhook_spill WHERE last_error IS NOT NULL) AS stepped_aside,
          (SELECT count(*) FROM webhook_quarantine WHERE resolved_at IS NULL) AS open,
          (SELECT min(received_at) FROM webhook_quarantine WHERE resolved_at IS NULL) AS open_since,
          (SELECT count(*) FROM webhook_outbox WHERE status = 'pending') AS pending,
          (SELECT count(*) FROM webhook_outbox WHERE status = 'pending' AND next_attempt_at < now() - interval '5 minutes') AS overdue,
          (SELECT count(*) FROM webhook_outbox WHERE status = 'dead') AS dead`,
        await tx.$queryRaw<{ provider: string; failed: bigint; dead: bigint }[]>`
          SELECT provider, count(*) FILTER (WHERE outcome = 'failed') AS failed, count(*) FILTER (WHERE outcome = 'dead') AS dead
          FROM ${ledgers(providers)} AS l
          WHERE outcome IN ('failed', 'dead') AND received_at >= now() - interval '1 day' GROUP BY provider`,
      ];
      const counts = rows[0] as Counts;
      const of = (name: string) => unfinished.find(({ provider }) => provider === name);
      return {
        endpoints: Number(counts.endpoints),
        failingEndpoints: Number(counts.failing),
        spill: {
          waiting: Number(counts.waiting),
          oldest: counts.waiting_since,
          steppedAside: Number(counts.stepped_aside),
        },
        quarantine: { open: Number(counts.open), oldest: counts.open_since },
        events: providers.map(({ name }) => ({
          provider: name,
          failed: Number(of(name)?.failed ?? 0),
          dead: Number(of(name)?.dead ?? 0),
        })),
        outbox: {
          pending: Number(counts.pending),
          overdue: Number(counts.overdue),
          dead: Number(counts.dead),
        },
      };
    }),
});

type Counts = Record<
  'endpoints' | 'failing' | 'waiting' | 'stepped_aside' | 'open' | 'pending' | 'overdue' | 'dead',
  bigint
> &
  Record<'waiting_since' | 'open_since', Date | null>;
