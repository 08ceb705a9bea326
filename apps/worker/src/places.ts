import { setTimeout as sleep } from 'node:timers/promises';

export interface Places {
  /** Takes a place for a job of the firm or destination, and waits up to `waitMs` for one. False: it has no free place. */
  take(firmId: string): Promise<boolean>;
  giveBack(firmId: string): void;
  /** Returns in how many milliseconds to run a job again that found no place. */
  postpone(firmId: string): number;
}

const checkMs = 25;
export const firstMs = 1_000;
export const longestMs = 60_000;
/** How many postponed jobs of one firm are run again per second. */
export const backPerSecond = 100;

/**
 * Limits the slow jobs of each firm, or destination, to `most` at a time. A worker runs a fixed number of jobs at once: if one
 * firm's slow jobs took all places, no job of another firm would be fetched. A job that finds no place is postponed.
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
