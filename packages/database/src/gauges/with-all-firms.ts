import type pg from 'pg';
import { type Query, withFirms } from '../connection/pool.js';

/** Runs `work` in one transaction that sees every firm and the platform's rows. Only the console's role may. */
export const withAllFirms = <T>(pool: pg.Pool, work: (query: Query) => Promise<T>): Promise<T> =>
  withFirms(pool, { firmIds: [], platform: true }, async (query) => {
    await query(
      `SELECT set_config('semel.firm_ids', (SELECT coalesce(array_agg(id), '{}')::text FROM semel_firms()), true)`,
    );
    return work(query);
  });
