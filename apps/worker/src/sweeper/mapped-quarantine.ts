import { SemelError } from '@semel/core';
import { isForeign, listMappedQuarantine, type MappedRow, readMapped, resolveMapped } from '@semel/database';
import type { SweptResult } from '@semel/telemetry';
import type { Sweep, SweepContext } from './context.js';

/**
 * Rows in quarantine whose account was unknown and is a firm's by now: released for that firm, under `<event id>~<firm slug>`
 * where the id is another firm's. A row is armed first, and marked at a later look, when the ledger has its event: a death in
 * between, or a Redis that loses the job, costs another round and never the event. Rows of any other reason wait for an
 * operator.
 */
export function sweepMappedQuarantine(context: SweepContext): Sweep {
  const { pool } = context;
  const limit = Math.min(context.pageSize, 50); // each brings its body along
  const open = new Map(context.providers.map((provider) => [provider.name, provider]));
  let afterId = '0';

  async function release(row: MappedRow): Promise<SweptResult | null> {
    const provider = open.get(row.provider);
    if (provider === undefined || !context.breaker.of(row.provider).isClosed) return null;
    const marked = `${row.eventId}~${row.firmSlug}`;
    if (await resolveMapped(pool, provider, row, [row.eventId, marked])) return 'quarantine_released';
    const event = await readMapped(pool, row);
    if (event === null) return null;
    const candidates = (await isForeign(pool, provider, row)) ? [marked] : [row.eventId, marked];
    for (const eventId of candidates) {
      const result = await context.queueOf(row.provider).queue.requeue({ ...event, eventId });
      if (result !== 'foreign') return result === 'enqueued' ? 'quarantine_requeued' : null;
    }
    throw new SemelError('owner_collision');
  }

  return async () => {
    const page = await listMappedQuarantine(pool, { afterId, limit });
    await context.healEach(page, release);
    afterId = page.length < limit ? '0' : (page.at(-1)?.id ?? '0');
  };
}
