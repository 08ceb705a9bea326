import { idempotencyKey, type Provider } from '@semel/core';
import { readOutcomes } from '@semel/database';
import { type FailedJob, findLostJobs, readJobs } from '@semel/queue';
import type { SweptResult } from '@semel/telemetry';
import type { Sweep, SweepContext } from './context.js';

/** Jobs read at once, since each brings its body along. */
const jobsAtOnce = 50;

/**
 * Jobs that BullMQ failed and nobody wrote down: the worker that should have was dead by then, or Postgres was away. One that
 * stalled out is recorded as `dead`, as the listener would have done: its workers died under it, and a new job would go on
 * killing them. Any other failed for a reason of ours, which costs no attempt: it runs again.
 * Goes forward in time and never back, but for a new start: what was judged once is not lost later.
 */
export function sweepLostJobs(context: SweepContext, provider: Provider): Sweep {
  const { pool, redis, pageSize, graceMs } = context;
  const { queue } = context.queueOf(provider.name);
  let afterMs = 0;

  async function record({ event, attempts }: FailedJob): Promise<SweptResult | null> {
    const { outcome, error } = await context.recordLost(provider, event, attempts);
    if (outcome === 'duplicate') return null; // it is final by now
    context.metrics.applied(provider.name, outcome);
    const { eventId, type, firmId } = event;
    const facts = { provider: provider.name, eventId, type, firmId, outcome };
    if (outcome === 'dead') context.log.error({ ...facts, err: error }, 'event.applyFailed');
    else context.log.warn(facts, 'event.quarantined');
    return 'lost_recorded';
  }

  async function heal(job: FailedJob): Promise<SweptResult | null> {
    if (job.stalledOut) return record(job);
    const result = await queue.requeue(job.event);
    if (result === 'foreign') return record(job); // the ledger says whose it is
    return result === 'enqueued' ? 'lost_requeued' : null;
  }

  return async () => {
    const untilMs = Date.now() - graceMs;
    const page = await findLostJobs(redis, provider.name, { afterMs, untilMs, limit: pageSize });
    for (let i = 0; i < page.eventIds.length; i += jobsAtOnce) {
      const jobs = await readJobs(redis, provider.name, page.eventIds.slice(i, i + jobsAtOnce));
      const outcomes = await readOutcomes(
        pool,
        provider,
        jobs.map(({ event }) => event),
      );
      const lost = jobs.filter(({ event }) =>
        ['failed', undefined].includes(outcomes.get(idempotencyKey(event))),
      );
      await context.healEach(
        lost.map((job) => ({
          job,
          provider: provider.name,
          eventId: job.event.eventId,
          firmId: job.event.firmId,
        })),
        ({ job }) => heal(job),
      );
    }
    afterMs = page.lastMs;
  };
}
