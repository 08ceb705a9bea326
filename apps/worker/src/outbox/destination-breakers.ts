export interface DestinationBreakers {
  /** Returns in how many milliseconds the destination may be tried; 0: now. */
  waitMs(destination: string): number;
  /** Called after each delivery. `wasReached`: the destination answered. */
  ended(destination: string, wasReached: boolean): void;
}

interface Breaker {
  /** Failures in a row. */
  failures: number;
  openUntilMs: number;
}

export const failuresToOpen = 5;
export const firstOpenMs = 30_000;
export const longestOpenMs = 600_000;

/**
 * Creates a circuit breaker for each destination. It opens for 30 seconds when the destination could not be reached five times
 * in a row, and twice as long after each further failure, up to 10 minutes. Deliveries that are due meanwhile wait without
 * spending an attempt. `scale` multiplies these times.
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
