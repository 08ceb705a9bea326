import { DelayedError, type Job } from 'bullmq';

/** Runs a job again later. It spends no attempt. Throws what tells BullMQ so. */
export async function postpone(job: Job, token: string | undefined, delayMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}

/** Delays of jobs that can't be run now, in milliseconds. */
export const postponedMs = {
  /** A store failed: the queue rests until it is back, so that the job need not wait long. */
  outage: 1_000,
  /** A newer release wrote the job, or its failure could not be recorded: only this job waits, until someone looks. */
  other: 30_000,
};
