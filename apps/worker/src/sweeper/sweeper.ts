import { repeat, StoreUnavailableError } from '@semel/core';
import type { SweepLock } from '@semel/database';
import { type Sweep, type SweepOptions, sweepContext } from './context.js';
import { sweepFailedEvents } from './failed-events.js';
import { sweepLostJobs } from './lost-jobs.js';
import { sweepMappedQuarantine } from './mapped-quarantine.js';
import { sweepOrphanedBodies } from './orphaned-bodies.js';

export interface Sweeper {
  /** Waits for the event that is being healed, then lets another process sweep. */
  stop(): Promise<void>;
}

/**
 * Finds work that stopped half-way, and restarts it. One process sweeps at a time, and none while a store is unreachable. Doing
 * something twice is harmless, because of the ledger and the job ids.
 */
export function startSweeper({ lock, ...options }: SweepOptions & { lock: SweepLock }): Sweeper {
  const { breaker, providers, log } = options;
  let sweeps: Map<string, Sweep> | null = null;
  let stopped = false;

  function kinds(): Map<string, Sweep> {
    const context = sweepContext(options, () => stopped);
    const each = (kind: string, sweepOf: typeof sweepLostJobs): [string, Sweep][] =>
      providers.map((provider) => {
        const sweep = sweepOf(context, provider);
        return [
          `${kind} ${provider.name}`,
          async () => (breaker.of(provider.name).isClosed ? sweep() : undefined),
        ];
      });
    return new Map([
      ...each('failed events', sweepFailedEvents),
      ...each('lost jobs', sweepLostJobs),
      ['mapped quarantine', sweepMappedQuarantine(context)],
      ['orphaned bodies', sweepOrphanedBodies(context)],
    ]);
  }

  async function pass(): Promise<void> {
    if (!(await breaker.check())) throw new StoreUnavailableError('redis');
    if (!(await lock.hold())) {
      sweeps = null;
      return;
    }
    if (sweeps === null) log.info('sweep.started');
    sweeps ??= kinds(); // starts at the beginning: it is unknown how far another process came
    for (const [kind, sweep] of sweeps) {
      if (stopped) return;
      await sweep().catch((err: unknown) => {
        if (err instanceof StoreUnavailableError) throw err;
        log.error({ err, kind }, 'sweep.failed'); // the other kinds go on
      });
    }
  }

  const repeating = repeat(pass, {
    everyMs: options.everyMs,
    onOutage: (err) => log.info({ err }, 'sweep.waiting'),
  });
  return {
    async stop() {
      stopped = true;
      await repeating.stop();
      await lock.release();
    },
  };
}
