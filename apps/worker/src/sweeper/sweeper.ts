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
 * Finds what was begun and is not going on by itself, and sets it going again. One process at a time does it, and none while
 * a store is away. All that it does could be done twice: the ledger and the job id keep that harmless.
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
    sweeps ??= kinds(); // from the beginning: what the last one saw is not known
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
