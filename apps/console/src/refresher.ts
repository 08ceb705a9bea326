import { awaitFirstConnection } from '@semel/core';

const minIntervalMs = 1_000;

export interface Refresher {
  /** Resolves when `work` is done, or after a second: a store that hangs must not hang who asks. Never rejects. */
  refresh(): Promise<void>;
}

/**
 * Runs `work` at most once a second, and never twice at a time. `onChange` hears of the first failure and of its end, but not
 * of failures before the store was reached for the first time, unless that takes longer than `firstConnectionMs`.
 */
export function createRefresher(
  work: () => Promise<void>,
  onChange: (error: unknown | null) => void,
  firstConnectionMs?: number,
): Refresher {
  let running: Promise<void> | undefined;
  let startedMs = Number.NEGATIVE_INFINITY;
  let failing = false;
  const connection = awaitFirstConnection(firstConnectionMs);
  const run = async () => {
    try {
      await work();
      connection.made();
      if (failing) onChange(null);
      failing = false;
    } catch (error) {
      if (connection.isAwaited()) return;
      if (!failing) onChange(error);
      failing = true;
    } finally {
      running = undefined;
    }
  };
  return {
    async refresh() {
      if (running === undefined) {
        if (performance.now() - startedMs < minIntervalMs) return;
        startedMs = performance.now();
        running = run();
      }
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, minIntervalMs);
      });
      await Promise.race([running, late]);
      clearTimeout(timer);
    },
  };
}
