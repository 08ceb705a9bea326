import { idempotencyKey, type Provider } from '@semel/core';
import { readOutcomes } from '@semel/database';
import { type FailedJob, findLostJobs, readJobs } from '@semel/queue';
import type { SweptResult } from '@semel/telemetry';
import type { Sweep, SweepContext } from './context.js';

/** The number of jobs read at once. Each may contain a body. */
const jobsAtOnce = 50;

/**
 * Handles jobs that BullMQ failed without a record in the ledger, because the worker died or Postgres was unreachable. A job
 * that stalled too often is recorded as `dead`: its workers died while they ran it, and a new job would kill more. Any other
 * failed because of an outage, which costs no attempt: it runs again.
 * Only goes forward in time until it is restarted: a job that was handled once is not lost later.
 */
export function sweepLostJobs(context: SweepContext, provider: Provider): Sweep {
  const { pool, redis, pageSize, graceMs } = context;
  const { queue } = context.queueOf(provider.name);
  let afterMs = 0;

  async function record({ event, attempts }: FailedJob): Promise<SweptResult | null> {
    const { outcome, error } = await context.recordLost(provider, event, attempts);
    if (outcome === 'duplicate') return null; // its event is final
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
    if (result === 'foreign') return record(job); // the ledger decides to which firm it belongs
    return result === 'enqueued' ? 'lost_requeued' : null;
  }

  return async () => {
    const untilMs = Date.now() - graceMs;
    const page = await findLostJobs(redis, provider.name, { afterMs, untilMs, limit: pageSize });
    for (let i = 0; i < page.jobIds.length; i += jobsAtOnce) {
      const jobs = await readJobs(redis, provider, page.jobIds.slice(i, i + jobsAtOnce));
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
