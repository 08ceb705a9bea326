import type { EndpointHealth } from '@semel/core';
import type pg from 'pg';
import { countRows, type RowCounts } from './count-rows.js';
import { readEndpointHealth } from './endpoint-health.js';
import { withAllFirms } from './with-all-firms.js';

export interface GaugeValues {
  rows: RowCounts;
  endpoints: EndpointHealth[];
}

/** Reads the figures of all firms that the console's metrics show. Throws `StoreUnavailableError`. */
export const readGauges = (pool: pg.Pool): Promise<GaugeValues> =>
  withAllFirms(pool, async (query) => ({
    rows: await countRows(query),
    endpoints: await readEndpointHealth(query),
  }));
