import { setTimeout as sleep } from 'node:timers/promises';

export interface Places {
  /** Takes a place for a job of the firm, or of the destination. Waits `waitMs` for one. False: it has all that it may have. */
  take(firmId: string): Promise<boolean>;
  giveBack(firmId: string): void;
  /** When to run a job again that found no place, in milliseconds. */
  postpone(firmId: string): number;
}

const checkMs = 25;
const firstMs = 1_000;
const longestMs = 60_000;
/** How many postponed jobs of one firm come back in a second. */
const backPerSecond = 100;

/**
 * The places that slow jobs of one firm may take in a worker, `most` at a time. A worker runs only so many jobs at once:
 * if those of one firm took all of them, no job of another firm would even be fetched. Jobs that find no place go back to
 * the queue for a while.
 */
export function createPlaces(most: number, waitMs = 250): Places {
  const taken = new Map<string, number>();
  const lastDueMs = new Map<string, number>();
  return {
    async take(firmId) {
      for (let waitedMs = 0; ; waitedMs += checkMs) {
        const own = taken.get(firmId) ?? 0;
        if (own < most) {
          taken.set(firmId, own + 1);
          return true;
        }
        if (waitedMs >= waitMs) return false;
        await sleep(checkMs);
      }
    },
    giveBack(firmId) {
      const own = (taken.get(firmId) ?? 0) - 1;
      if (own > 0) return void taken.set(firmId, own);
      taken.delete(firmId);
      lastDueMs.delete(firmId);
    },
    postpone(firmId) {
      const nowMs = performance.now();
      const dueMs = Math.max(nowMs + firstMs, (lastDueMs.get(firmId) ?? 0) + 1_000 / backPerSecond);
      lastDueMs.set(firmId, dueMs);
      return Math.min(Math.round(dueMs - nowMs), longestMs);
    },
  };
}
