import { type BodyRef, deleteOrphanedBodies, listStoredBodies } from '@semel/database';
import type { Sweep, SweepContext } from './context.js';

/** A receiver that dies between storing a body and enqueuing the event has not answered; the next delivery uses that body. */
const abandonedAfterMs = 24 * 3_600_000;

/** Deletes stored bodies that are not needed: of final events, and of events that are in neither ledger nor queue. */
export function sweepOrphanedBodies(context: SweepContext): Sweep {
  const { pool, pageSize, graceMs } = context;
  let after: BodyRef | null = null;

  const hasNoJob = async ({ provider, eventId, firmId }: BodyRef) =>
    (await context.queueOf(provider).claims.inspect({ firmId, eventId })).job === 'none';

  return async () => {
    const page = await listStoredBodies(pool, { after, olderThanMs: graceMs, limit: pageSize });
    const known = page.filter(({ provider }) => context.providers.some(({ name }) => name === provider));
    const finished = await deleteOrphanedBodies(pool, known, { kind: 'finished', olderThanMs: graceMs });
    const jobless = await Promise.all(known.map(hasNoJob));
    const abandoned = await deleteOrphanedBodies(
      pool,
      known.filter((_, i) => jobless[i]),
      { kind: 'abandoned', olderThanMs: abandonedAfterMs },
    );
    await context.healEach([...finished, ...abandoned], async () => 'body_deleted');
    after = page.length < pageSize ? null : (page.at(-1) ?? null);
  };
}
