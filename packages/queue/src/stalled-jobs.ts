import type { Applied } from '@semel/core';
import type { Job } from 'bullmq';

/** After its workers died this often, a job is run alone. */
export const stallsTogether = 3;
/** After its workers died this often while they ran it alone, a job is not run any more. */
export const stallsAlone = 2;

type Result = Applied | { postponeMs: number };

export interface StalledJobOptions {
  run(): Promise<Result>;
  /** Runs work while no other job is run alone. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** Records that the job is not run any more. */
  onStuck(): Promise<Applied>;
}

/**
 * Runs a job, but not for ever one that ends its workers: a handler that never yields, a body that exhausts the memory. Jobs
 * that only ran at the same time as such a job are run again, alone.
 */
export function runUnlessStuck(job: Job, { run, alone, onStuck }: StalledJobOptions): Promise<Result> {
  if (job.stalledCounter < stallsTogether) return run();
  return alone(async () => {
    const { runsAlone = 0 } = job.progress as { runsAlone?: number };
    if (runsAlone >= stallsAlone) return onStuck();
    await job.updateProgress({ runsAlone: runsAlone + 1 });
    try {
      return await run();
    } finally {
      // The run has ended, if only with an outage: nothing died of it.
      await job.updateProgress({ runsAlone: 0 });
    }
  });
}
