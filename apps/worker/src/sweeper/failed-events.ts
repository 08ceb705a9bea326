import { type Provider, SemelError } from '@semel/core';
import { listFailedEvents, readFailedEvents } from '@semel/database';
import type { Sweep, SweepContext } from './context.js';

/**
 * Enqueues failed events again whose job Redis lost. Events with a living job are left alone, and so are those whose job BullMQ
 * failed: `sweepLostJobs` handles them.
 */
export function sweepFailedEvents(context: SweepContext, provider: Provider): Sweep {
  const { pool, pageSize, graceMs } = context;
  const { claims, queue } = context.queueOf(provider.name);
  let afterId = '0';
  return async () => {
    const page = await listFailedEvents(pool, provider, { afterId, olderThanMs: graceMs, limit: pageSize });
    const states = await Promise.all(page.map(({ firmId, eventId }) => claims.inspect({ firmId, eventId })));
    const jobless = page.filter((_, i) => ['none', 'completed'].includes(states[i]?.job ?? ''));
    const events = await readFailedEvents(pool, provider, jobless);
    await context.healEach(
      events.map((event) => ({
        event,
        provider: provider.name,
        eventId: event.eventId,
        firmId: event.firmId,
      })),
      async ({ event }) => {
        const result = await queue.requeue(event);
        if (result === 'foreign') throw new SemelError('owner_collision');
        return result === 'enqueued' ? 'failed_requeued' : null;
      },
    );
    afterId = page.length < pageSize ? '0' : (page.at(-1)?.id ?? '0');
  };
}
