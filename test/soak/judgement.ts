import { percentile } from '../faults/percentile.js';
import type { Sample } from './sampler.js';

type Measure = Exclude<keyof Sample, 'atMs' | 'events'>;

export interface Trend {
  name: string;
  unit: 'MB' | 'ms' | '';
  first: number;
  last: number;
  /** The last third may exceed the first by this factor, plus this absolute margin. */
  limit: { times: number; plus: number } | null;
  isFlat: boolean;
}

/** Milliseconds that a median may differ by on a busy machine. */
const jitterMs = 2;
const measures: readonly [Measure, name: string, Trend['unit'], Trend['limit']][] = [
  ['receiverMemory', 'memory of a receiver', 'MB', { times: 1.2, plus: 0 }],
  ['receiverHeap', '  used heap', 'MB', { times: 1.5, plus: 0 }],
  ['workerMemory', 'memory of a worker', 'MB', { times: 1.2, plus: 0 }],
  ['workerHeap', '  used heap', 'MB', { times: 1.5, plus: 0 }],
  ['openFiles', 'open files and sockets', '', { times: 1.1, plus: 0 }],
  ['postgresConnections', 'connections to PostgreSQL', '', { times: 1.1, plus: 2 }],
  ['redisConnections', 'connections to Redis', '', { times: 1, plus: 0 }],
  ['answerP50Ms', 'answer, median', 'ms', { times: 1.5, plus: jitterMs }],
  ['answerP99Ms', 'answer, 99th percentile', 'ms', { times: 1.5, plus: 5 * jitterMs }],
  ['applyP50Ms', 'received to committed, median', 'ms', { times: 1.5, plus: jitterMs }],
  ['applyP99Ms', 'received to committed, 99th percentile', 'ms', { times: 1.5, plus: 5 * jitterMs }],
  ['waiting', 'deliveries without an answer', '', { times: 1.5, plus: 5 }],
  // Each event leaves its claim and its finished job for a while, to detect duplicates.
  ['redisMemory', 'memory of Redis', 'MB', null],
];

/** The medians of the first and the last third of the samples after the warm-up (the first tenth). */
export function trendsOf(samples: readonly Sample[]): Trend[] {
  const steady = samples.slice(Math.ceil(samples.length / 10));
  const third = Math.max(1, Math.floor(steady.length / 3));
  const [first, last] = [steady.slice(0, third), steady.slice(-third)];
  return measures.map(([measure, name, unit, limit]) => {
    const median = (of: readonly Sample[]) =>
      percentile(
        of.map((sample) => sample[measure] / (unit === 'MB' ? 1e6 : 1)),
        0.5,
      );
    const [before, after] = [median(first), median(last)];
    const isFlat = limit === null || after <= before * limit.times + limit.plus;
    return { name, unit, first: before, last: after, limit, isFlat };
  });
}

/** Bytes of Redis for each event between the first and the last sample after the warm-up. */
export function redisBytesPerEvent(samples: readonly Sample[]): number {
  const steady = samples.slice(Math.ceil(samples.length / 10));
  const [from, to] = [steady[0], steady.at(-1)];
  if (from === undefined || to === undefined || to.events === from.events) return 0;
  return (to.redisMemory - from.redisMemory) / (to.events - from.events);
}
