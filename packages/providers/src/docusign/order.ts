import type { Order } from '@semel/core';
import { guardRankOf, rankOf } from './status.js';

/** What a message reports of an object: its status, since when, and when the message was generated. */
export interface ReportedStatus {
  status: string | null;
  /** Nanoseconds since 1970; null if the message lacks it. */
  changedNs: bigint | null;
  generatedNs: bigint;
  /** The message has the object's data, and not only its id. */
  hasData: boolean;
}

/** Compares progress, time of the status, presence of data, time of the message; at one moment, `sent` before `delivered`. */
export const orderOf = (
  kind: 'envelope' | 'recipient',
  { status, changedNs, generatedNs, hasData }: ReportedStatus,
): Order => ({
  rank: guardRankOf(kind, status, hasData),
  timeNs: changedNs ?? generatedNs,
  step: [hasData ? 1 : 0, ...secondsAndNanos(generatedNs), rankOf(status)],
});

/** A step takes only safe integers. */
const secondsAndNanos = (ns: bigint): [number, number] => [Number(ns / billion), Number(ns % billion)];

const billion = 1_000_000_000n;
