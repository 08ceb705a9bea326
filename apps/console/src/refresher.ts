import { setTimeout as sleep } from 'node:timers/promises';
import { awaitFirstConnection } from '@semel/core';

const minIntervalMs = 1_000;

export interface Refresher {
  /** Resolves when `work` is done, or after a second: a store that hangs must not hang the caller. Never rejects. */
  refresh(): Promise<void>;
}

/**
 * Runs `work` at most once a second, and never twice at a time. Calls `onChange` with the first error of an outage, and with
 * null when it is over. Failures before the first success are not reported until `firstConnectionMs` have passed.
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
      await Promise.race([running, sleep(minIntervalMs, undefined, { ref: false })]);
    },
  };
}
