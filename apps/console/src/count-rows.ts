import type { Query } from '@semel/database';

export interface RowCounts {
  /** Not handed to Redis yet. */
  spill: number;
  /** Not resolved yet. */
  quarantine: number;
  /** Effects still to be delivered, and those given up. */
  outbox: { pending: number; dead: number };
}

/** Counts over what the transaction sees. */
export async function countRows(query: Query): Promise<RowCounts> {
  const { rows } = await query(
    `SELECT (SELECT count(*) FROM webhook_spill WHERE enqueued_at IS NULL) AS spill,
         (SELECT count(*) FROM webhook_quarantine WHERE resolved_at IS NULL) AS quarantine,
         (SELECT count(*) FROM webhook_outbox WHERE status = 'pending') AS pending,
         (SELECT count(*) FROM webhook_outbox WHERE status = 'dead') AS dead`,
  );
  const { spill, quarantine, pending, dead } = rows[0];
  return {
    spill: Number(spill),
    quarantine: Number(quarantine),
    outbox: { pending: Number(pending), dead: Number(dead) },
  };
}
