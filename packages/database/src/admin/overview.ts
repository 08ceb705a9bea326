import type pg from 'pg';
import type { Query } from '../connection/pool.js';
import { toStoreError } from '../connection/store-error.js';
import { countRows, type RowCounts } from '../gauges/count-rows.js';
import { readEndpointHealth } from '../gauges/endpoint-health.js';
import { withAllFirms } from '../gauges/with-all-firms.js';
import { pendingOf } from '../migrate/is-migrated.js';
import type { Providers } from './providers.js';

/** The state of all firms, as PostgreSQL has it. */
export interface Overview extends RowCounts {
  /** Enabled endpoints. */
  endpoints: number;
  /** Enabled endpoints that have only refused for more than an hour. */
  failingEndpoints: number;
  /**
   * Events received within the last day that are `failed` or `dead` now, per provider. `stuck`: those of the dead that ended
   * their workers (`handler_stuck`).
   */
  events: { provider: string; failed: number; dead: number; stuck: number }[];
}

export interface Status {
  /** Names the migrations that are not applied; `overview` needs all of them. */
  pendingMigrations(): Promise<string[]>;
  overview(): Promise<Overview>;
}

const failingAfterSeconds = 3_600;

export const statusOf = (pool: pg.Pool, providers: Providers): Status => ({
  pendingMigrations: () =>
    pendingOf(pool).catch((error: unknown) => {
      throw toStoreError(error);
    }),

  overview: () =>
    withAllFirms(pool, async (query) => {
      const health = await readEndpointHealth(query);
      return {
        endpoints: await countEndpoints(query),
        failingEndpoints: health.filter(({ failingSeconds }) => failingSeconds > failingAfterSeconds).length,
        ...(await countRows(query)),
        events: await countUnfinishedEvents(query, providers),
      };
    }),
});

async function countEndpoints(query: Query): Promise<number> {
  const { rows } = await query(
    'SELECT count(*) FROM webhook_endpoints WHERE removed_at IS NULL AND disabled_at IS NULL',
  );
  return Number(rows[0].count);
}

async function countUnfinishedEvents(query: Query, providers: Providers): Promise<Overview['events']> {
  const { rows } = await query(
    `SELECT webhook_provider AS provider, count(*) FILTER (WHERE outcome = 'failed') AS failed,
       count(*) FILTER (WHERE outcome = 'dead') AS dead,
       count(*) FILTER (WHERE outcome = 'dead' AND last_error LIKE 'handler\\_stuck:%') AS stuck
     FROM webhook_events
     WHERE outcome IN ('failed', 'dead') AND received_at >= now() - interval '1 day' GROUP BY webhook_provider`,
  );
  return providers.map(({ name }) => {
    const counts = rows.find(({ provider }) => provider === name);
    const { failed = 0, dead = 0, stuck = 0 } = counts ?? {};
    return { provider: name, failed: Number(failed), dead: Number(dead), stuck: Number(stuck) };
  });
}
