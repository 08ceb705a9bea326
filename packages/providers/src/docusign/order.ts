import type { Order } from '@semel/core';
import { guardRankOf } from './status.js';

/** When a message tells that a status began, and when it was made itself; nanoseconds since 1970. */
export interface MessageTimes {
  changedNs: bigint | null;
  generatedNs: bigint;
  /** The message brings the object, and not only its name. */
  hasData: boolean;
}

/** The status, then when it began, then which of two messages says more, then which was made later. */
export const orderOf = (status: string | null, { changedNs, generatedNs, hasData }: MessageTimes): Order => ({
  rank: guardRankOf(status, hasData),
  timeNs: changedNs ?? generatedNs,
  step: [hasData ? 1 : 0, Number(generatedNs / billion), Number(generatedNs % billion)],
});

const billion = 1_000_000_000n;
