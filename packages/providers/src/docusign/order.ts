import type { Order } from '@semel/core';
import { guardRankOf, rankOf } from './status.js';

/** What a message tells of an object: its status, since when, and when the message itself was made. */
export interface StatusTold {
  status: string | null;
  /** Nanoseconds since 1970; null where the message does not say. */
  changedNs: bigint | null;
  generatedNs: bigint;
  /** The message brings the object, and not only its name. */
  hasData: boolean;
}

/** How far, since when, which of two messages says more, which was made later; in one moment `sent` before `delivered`. */
export const orderOf = (
  kind: 'envelope' | 'recipient',
  { status, changedNs, generatedNs, hasData }: StatusTold,
): Order => ({
  rank: guardRankOf(kind, status, hasData),
  timeNs: changedNs ?? generatedNs,
  step: [hasData ? 1 : 0, ...secondsAndNanos(generatedNs), rankOf(status)],
});

/** A step has safe integers alone. */
const secondsAndNanos = (ns: bigint): [number, number] => [Number(ns / billion), Number(ns % billion)];

const billion = 1_000_000_000n;
