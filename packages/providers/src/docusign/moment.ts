import { millisOf, nanosOf, nanosOfMillis } from '../time.js';

/** A time in milliseconds for storage and in nanoseconds for comparison: DocuSign sends seven decimals. */
export interface Moment {
  ms: number;
  ns: bigint;
}

export const momentOfMillis = (ms: number): Moment => ({ ms, ns: nanosOfMillis(ms) });

export function momentOf(value: unknown): Moment | null {
  const [ms, ns] = [millisOf(value), nanosOf(value)];
  return ms === null || ns === null ? null : { ms, ns };
}
