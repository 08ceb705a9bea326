import type { RetryPolicy } from '@semel/core';

/** Doubles the delay from `firstMs` up to `capMs`. The worker adds jitter. */
export const exponential = (attempts: number, firstMs: number, capMs: number): RetryPolicy => ({
  attempts,
  delayMs: (attempt) => Math.min(capMs, firstMs * 2 ** Math.min(Math.max(attempt - 1, 0), 40)),
});

/** Uses the given delays in turn, then repeats the last one. */
export const steps = (attempts: number, delaysMs: readonly [number, ...number[]]): RetryPolicy => ({
  attempts,
  delayMs: (attempt) =>
    delaysMs[Math.min(Math.max(Math.trunc(attempt) - 1, 0), delaysMs.length - 1)] ?? delaysMs[0],
});

export const secondsMs = (seconds: number): number => seconds * 1000;
export const minutesMs = (minutes: number): number => minutes * 60_000;
export const hoursMs = (hours: number): number => hours * 3_600_000;
export const daysMs = (days: number): number => days * 86_400_000;
