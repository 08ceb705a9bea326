import type { Applied } from '@semel/core';
import type { Job } from 'bullmq';

/** A job whose workers died this often while they ran it is run alone from then on. */
const stallsTogether = 3;
/** A job whose workers died this often while they ran it alone is not run any more. */
const stallsAlone = 2;

type Result = Applied | { postponeMs: number };

export interface StalledJobOptions {
  run(): Promise<Result>;
  /** Runs work while no other job is run alone. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** Records that the job is not run any more. */
  onStuck(): Promise<Applied>;
}

/**
 * Runs a job, and keeps one that ends its worker (a handler that never yields, a body that exhausts the memory) from doing
 * so for ever. Jobs that only ran beside such a one get another chance, alone.
 */
export function runUnlessStuck(job: Job, { run, alone, onStuck }: StalledJobOptions): Promise<Result> {
  if (job.stalledCounter < stallsTogether) return run();
  return alone(async () => {
    const { runsAlone = 0 } = job.progress as { runsAlone?: number };
    if (runsAlone >= stallsAlone) return onStuck();
    await job.updateProgress({ runsAlone: runsAlone + 1 });
    const result = await run();
    await job.updateProgress({ runsAlone: 0 });
    return result;
  });
}
