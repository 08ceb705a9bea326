export interface DestinationBreakers {
  /** How long to wait until the destination may be tried, in milliseconds. 0: now. */
  waitMs(destination: string): number;
  /** A delivery ended: the destination answered, or could not be reached. */
  ended(destination: string, wasReached: boolean): void;
}

interface Breaker {
  /** Failures in a row. */
  failures: number;
  openUntilMs: number;
}

const failuresToOpen = 5;
const firstOpenMs = 30_000;
const longestOpenMs = 600_000;

/**
 * A circuit breaker for each destination. One that could not be reached five times in a row is left alone for 30 seconds, and
 * twice as long after each further failure, at most for 10 minutes. What is due for it meanwhile waits, and spends no attempt.
 * `scale` multiplies these times.
 */
export function createDestinationBreakers(scale: number): DestinationBreakers {
  const breakers = new Map<string, Breaker>();
  return {
    waitMs(destination) {
      const breaker = breakers.get(destination);
      return breaker === undefined ? 0 : Math.max(0, Math.ceil(breaker.openUntilMs - performance.now()));
    },
    ended(destination, wasReached) {
      if (wasReached) return void breakers.delete(destination);
      const failures = (breakers.get(destination)?.failures ?? 0) + 1;
      const openMs =
        failures < failuresToOpen
          ? 0
          : Math.min(firstOpenMs * 2 ** (failures - failuresToOpen), longestOpenMs) * scale;
      breakers.set(destination, { failures, openUntilMs: performance.now() + openMs });
    },
  };
}
