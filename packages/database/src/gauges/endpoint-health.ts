import type { EndpointHealth } from '@semel/core';
import type { Query } from '../connection/pool.js';

/** Reads how each enabled endpoint has answered; leaves out endpoints without any delivery. */
export async function readEndpointHealth(query: Query): Promise<EndpointHealth[]> {
  const { rows } = await query(
    `SELECT e.provider, e.key, f.slug, extract(epoch FROM h.acknowledged_at)::float8 AS acknowledged,
         extract(epoch FROM h.refused_at - h.refused_since)::float8 AS failing
       FROM webhook_endpoint_health h JOIN webhook_endpoints e ON e.id = h.endpoint_id LEFT JOIN firms f ON f.id = e.firm_id
       WHERE e.removed_at IS NULL AND e.disabled_at IS NULL`,
  );
  return rows.map((row) => ({
    provider: row.provider,
    endpoint: row.key,
    firm: row.slug ?? '',
    acknowledgedSeconds: row.acknowledged,
    failingSeconds: row.failing ?? 0,
  }));
}
