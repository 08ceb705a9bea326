import type { Verdict } from '../faults/oracle.js';
import { invariants } from '../faults/report.js';
import { redisBytesPerEvent, type Trend } from './judgement.js';
import type { SoakOptions } from './options.js';
import type { Sample } from './sampler.js';

export interface SoakResult {
  options: SoakOptions;
  samples: readonly Sample[];
  trends: readonly Trend[];
  verdict: Verdict;
}

/** The table at the end. */
export function describe({ options, samples, trends, verdict }: SoakResult): string {
  const events = samples.at(-1)?.events ?? 0;
  const width = Math.max(...trends.map(({ name }) => name.length));
  const cell = (value: number, unit: Trend['unit']) =>
    `${value.toFixed(unit === '' ? 0 : 1)}${unit === '' ? '' : ` ${unit}`}`.padStart(10);
  return [
    `seed ${options.seed}, ${options.minutes} min, ${options.rate} events/s, ${events} events`,
    '',
    `  ${''.padEnd(width)}${'first third'.padStart(12)}${'last third'.padStart(12)}`,
    ...trends.map(({ name, unit, first, last, limit, isFlat }) => {
      const mark = limit === null ? ' ' : isFlat ? '✓' : '✗';
      return `${mark} ${name.padEnd(width)}${cell(first, unit).padStart(12)}${cell(last, unit).padStart(12)}`;
    }),
    '',
    `Redis keeps ${Math.round(redisBytesPerEvent(samples))} bytes for each event that was applied`,
    '',
    ...invariants.map(
      ({ name, of }) => `${verdict[of].length === 0 ? '✓' : '✗'} ${name}: ${verdict[of].length}`,
    ),
  ].join('\n');
}

/** One sample, in a line. */
export const lineOf = (s: Sample): string =>
  [
    `${Math.round(s.atMs / 1_000)} s`,
    `${s.events} events`,
    `receiver ${Math.round(s.receiverMemory / 1e6)} MB`,
    `worker ${Math.round(s.workerMemory / 1e6)} MB`,
    `${s.postgresConnections} + ${s.redisConnections} connections`,
    `answer p99 ${s.answerP99Ms.toFixed(0)} ms`,
    `applied p99 ${s.applyP99Ms.toFixed(0)} ms`,
  ].join(' · ');
