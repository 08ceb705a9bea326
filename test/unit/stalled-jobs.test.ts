import { StoreUnavailableError } from '@semel/core';
import type { Job } from 'bullmq';
import t from 'tap';
import { runUnlessStuck } from '../../packages/queue/src/stalled-jobs.js';

/** A job whose workers died so often. */
function stalledJob(stalledCounter: number, progress: object = {}) {
  const job = {
    stalledCounter,
    progress,
    updateProgress: async (next: object) => {
      job.progress = next;
    },
  };
  return job;
}

const applied = { outcome: 'applied', error: null } as const;
const dead = { outcome: 'dead', error: null } as const;
const options = {
  run: async () => applied,
  alone: <T>(work: () => Promise<T>) => work(),
  onStuck: async () => dead,
};

t.test('a run alone that an outage ends is not counted', async (t) => {
  const job = stalledJob(3);
  const run = async () => {
    throw new StoreUnavailableError('postgres');
  };
  for (let outage = 1; outage <= 5; outage++)
    await t.rejects(runUnlessStuck(job as unknown as Job, { ...options, run }), {
      code: 'store_unavailable',
    });
  t.same(await runUnlessStuck(job as unknown as Job, options), applied);
});

t.test('a run alone that ends its worker is counted', async (t) => {
  const job = stalledJob(3);
  const dies = () => new Promise<typeof applied>(() => undefined);
  for (let death = 1; death <= 2; death++) {
    void runUnlessStuck(job as unknown as Job, { ...options, run: dies });
    await new Promise(setImmediate);
  }
  t.same(await runUnlessStuck(job as unknown as Job, options), dead);
});
