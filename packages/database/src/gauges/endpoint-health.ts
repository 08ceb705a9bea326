import type { Query } from '../connection/pool.js';

export interface EndpointHealth {
  provider: string;
  /** The endpoint's key. */
  endpoint: string;
  /** The firm's slug; empty for an endpoint of the platform. */
  firm: string;
  /** When it last answered with a 2xx, seconds since 1970; null: never. */
  acknowledgedSeconds: number | null;
  /** From the first to the latest refusal since the last 2xx, seconds; 0 where there was none. */
  failingSeconds: number;
}

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
