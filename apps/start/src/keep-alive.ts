import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@semel/telemetry';
import type { Store } from './stores.js';

const longestBackoffMs = 10_000;

/** Restarts an embedded server whenever it exits unexpectedly; the apps reconnect to the same address. */
export function keepAlive(store: Store, log: Logger, isStopping: () => boolean): void {
  if (store.server !== null) void watch(store, log, isStopping);
}

async function watch(store: Store, log: Logger, isStopping: () => boolean): Promise<void> {
  let backoffMs = 200;
  while (store.server !== null) {
    const exit = await store.server.exited();
    if (isStopping()) return;
    log.error({ process: store.name, ...exit }, 'server.crashed');
    for (let up = false; !up && !isStopping(); backoffMs = Math.min(backoffMs * 2, longestBackoffMs)) {
      await sleep(backoffMs);
      try {
        store.server = await store.restart();
        up = true;
      } catch (err) {
        log.error({ process: store.name, err }, 'server.startFailed');
      }
    }
    backoffMs = 200;
    // A stop may have begun while the server was starting.
    if (isStopping()) await store.server.stop(store.stopSignal, 5000);
    else log.info({ process: store.name }, 'server.restarted');
  }
}
