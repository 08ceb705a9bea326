import type { Query } from '../connection/pool.js';

/** How many rows wait for somebody. `oldest`: when the oldest of them was received; null where there are none. */
export interface RowCounts {
  /** `waiting`: not in the queue yet. `refusedByRedis`: refused by Redis. */
  spill: { waiting: number; oldest: Date | null; refusedByRedis: number };
  /** Not resolved yet. */
  quarantine: { open: number; oldest: Date | null };
  /** `overdue`: pending for 5 minutes longer than planned; counted in `pending` too. `dead`: given up. */
  outbox: { pending: number; overdue: number; dead: number };
}

/** Counts the rows that the transaction sees. */
export async function countRows(query: Query): Promise<RowCounts> {
  const { rows } = await query(`SELECT
    (SELECT count(*) FROM webhook_spill WHERE enqueued_at IS NULL) AS waiting,
    (SELECT min(received_at) FROM webhook_spill WHERE enqueued_at IS NULL) AS waiting_since,
    (SELECT count(*) FROM webhook_spill WHERE last_error IS NOT NULL) AS refused_by_redis,
    (SELECT count(*) FROM webhook_quarantine WHERE resolved_at IS NULL) AS open,
    (SELECT min(received_at) FROM webhook_quarantine WHERE resolved_at IS NULL) AS open_since,
    (SELECT count(*) FROM webhook_outbox WHERE status = 'pending') AS pending,
    (SELECT count(*) FROM webhook_outbox WHERE status = 'pending' AND next_attempt_at < now() - interval '5 minutes') AS overdue,
    (SELECT count(*) FROM webhook_outbox WHERE status = 'dead') AS dead`);
  const counts = rows[0];
  return {
    spill: {
      waiting: Number(counts.waiting),
      oldest: counts.waiting_since,
      refusedByRedis: Number(counts.refused_by_redis),
    },
    quarantine: { open: Number(counts.open), oldest: counts.open_since },
    outbox: {
      pending: Number(counts.pending),
      overdue: Number(counts.overdue),
      dead: Number(counts.dead),
    },
  };
}
