import { DelayedError, type Job } from 'bullmq';

/** Delays a job without spending an attempt. Always throws the error by which BullMQ knows it. */
export async function postpone(job: Job, token: string | undefined, delayMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}

/** Delays of jobs that can't be run now, in milliseconds. */
export const postponedMs = {
  /** A store failed. The queue is paused until it is back, so a short delay is enough. */
  outage: 1_000,
  /** A later version wrote the job, or its failure could not be recorded. Only this job waits. */
  other: 30_000,
};
