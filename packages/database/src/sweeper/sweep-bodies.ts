import type pg from 'pg';
import { withFirms } from '../connection/pool.js';

/** Identifies a row of `webhook_bodies`. */
export interface BodyRef {
  provider: string;
  eventId: string;
  firmId: string;
}

/** Lists bodies of all firms that are older than `olderThanMs`, in key order. */
export async function listStoredBodies(
  pool: pg.Pool,
  { after, olderThanMs, limit }: { after: BodyRef | null; olderThanMs: number; limit: number },
): Promise<BodyRef[]> {
  const { rows } = await withFirms(pool, { firmIds: [] }, (query) =>
    query(
      `SELECT provider, event_id AS "eventId", firm_id AS "firmId"
       FROM semel_bodies_kept($1, $2, $3, $4 * interval '1 millisecond', $5)`,
      [
        after?.provider ?? '',
        after?.eventId ?? '',
        after?.firmId ?? '00000000-0000-0000-0000-000000000000',
        olderThanMs,
        limit,
      ],
    ),
  );
  return rows;
}

/**
 * `finished`: the ledger has the event's final outcome and its bytes. `abandoned`: no ledger or spill row exists for the
 * event; the caller must first check that Redis has no job for it either.
 */
export type OrphanedBodies = 'finished' | 'abandoned';

const ledgerRow = `FROM webhook_events e WHERE e.idempotency_key = b.provider || ':' || b.event_id AND e.firm_id = b.firm_id`;
const conditions: Record<OrphanedBodies, string> = {
  finished: `EXISTS (SELECT ${ledgerRow} AND e.outcome IN ('applied', 'stale', 'ignored'))`,
  abandoned: `NOT EXISTS (SELECT ${ledgerRow}) AND NOT EXISTS (
    SELECT FROM webhook_spill s WHERE (s.provider, s.event_id, s.firm_id) = (b.provider, b.event_id, b.firm_id))`,
};

/** Deletes those of the bodies that are orphaned in this way and were not stored again within `olderThanMs`; returns them. */
export async function deleteOrphanedBodies(
  pool: pg.Pool,
  refs: readonly BodyRef[],
  { kind, olderThanMs }: { kind: OrphanedBodies; olderThanMs: number },
): Promise<BodyRef[]> {
  if (refs.length === 0) return [];
  const { rows } = await withFirms(pool, { firmIds: refs.map(({ firmId }) => firmId) }, (query) =>
    query(
      `DELETE FROM webhook_bodies b
         WHERE (b.provider, b.event_id, b.firm_id) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[]))
           AND b.created_at < now() - $4 * interval '1 millisecond' AND ${conditions[kind]}
         RETURNING b.provider, b.event_id AS "eventId", b.firm_id AS "firmId"`,
      [
        refs.map(({ provider }) => provider),
        refs.map(({ eventId }) => eventId),
        refs.map(({ firmId }) => firmId),
        olderThanMs,
      ],
    ),
  );
  return rows;
}
