import { releasedId, releaseEvent, SemelError } from '@semel/core';
import { isForeign, listMappedQuarantine, type MappedRow, readMapped, resolveMapped } from '@semel/database';
import type { SweptResult } from '@semel/telemetry';
import type { Sweep, SweepContext } from './context.js';

/**
 * Releases quarantined rows whose account was unknown and is mapped to a firm by now. A row's event is enqueued first, and the
 * row marked in a later pass, when the ledger has the event: if the process dies in between, or Redis loses the job, that
 * costs another pass and never the event. Rows with any other reason wait for an operator.
 */
export function sweepMappedQuarantine(context: SweepContext): Sweep {
  const { pool } = context;
  const limit = Math.min(context.pageSize, 50); // each brings its body along
  const known = new Map(context.providers.map((provider) => [provider.name, provider]));
  let afterId = '0';

  async function release(row: MappedRow): Promise<SweptResult | null> {
    const provider = known.get(row.provider);
    if (provider === undefined || !context.breaker.of(row.provider).isClosed) return null;
    const ids = [row.eventId, releasedId(row.eventId, row.firmSlug)];
    if (await resolveMapped(pool, provider, row, ids)) return 'quarantine_released';
    const event = await readMapped(pool, row);
    if (event === null) return null;
    const isTaken = await isForeign(pool, provider, row);
    const { requeue } = context.queueOf(row.provider).queue;
    const released = await releaseEvent(event, { firmSlug: row.firmSlug, isTaken }, requeue);
    if (released === null) throw new SemelError('owner_collision');
    return released.job === 'enqueued' ? 'quarantine_requeued' : null;
  }

  return async () => {
    const page = await listMappedQuarantine(pool, { afterId, limit });
    await context.healEach(page, release);
    afterId = page.length < limit ? '0' : (page.at(-1)?.id ?? '0');
  };
}
