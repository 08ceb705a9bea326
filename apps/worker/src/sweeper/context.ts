import { type Applied, type Provider, StoreUnavailableError, type WebhookEvent } from '@semel/core';
import type { listStoredBodies } from '@semel/database';
import type { ProviderQueue, Redis, RedisBreaker } from '@semel/queue';
import type { Logger, Metrics, SweptResult } from '@semel/telemetry';

export interface SweepSettings {
  /** How often to sweep, in milliseconds. */
  everyMs: number;
  /** How old something must be to count as left behind; longer than any running work takes. */
  graceMs: number;
  /** How many rows or jobs of a kind are checked in each pass. The next pass continues after them. */
  pageSize: number;
}

export interface SweepOptions extends SweepSettings {
  pool: Parameters<typeof listStoredBodies>[0];
  redis: Redis;
  breaker: RedisBreaker;
  providers: readonly Provider[];
  queueOf(provider: string): Pick<ProviderQueue, 'claims' | 'queue'>;
  /** Records an event as `dead` whose job the queue gave up. */
  recordLost(provider: Provider, event: WebhookEvent, attempts: number): Promise<Applied>;
  metrics: Metrics;
  log: Logger;
}

/** Checks and heals one page of one kind of leftovers, and remembers where to continue. */
export type Sweep = () => Promise<void>;

type Named = Pick<WebhookEvent, 'provider' | 'eventId'> & { firmId: string };

export interface SweepContext extends SweepOptions {
  /**
   * Heals these events in turn; counts and logs each result (null: nothing to do). If one fails although both stores work, the
   * others go on. Throws `StoreUnavailableError` if a store fails.
   */
  healEach<T extends Named>(
    found: readonly T[],
    heal: (one: T) => Promise<SweptResult | null>,
  ): Promise<void>;
}

export function sweepContext(options: SweepOptions, isStopped: () => boolean): SweepContext {
  const { breaker, metrics, log } = options;

  async function healOne<T extends Named>(one: T, heal: (one: T) => Promise<SweptResult | null>) {
    const { provider, eventId, firmId } = one;
    const result = await heal(one).catch(async (err: unknown) => {
      if (err instanceof StoreUnavailableError && (err.store === 'postgres' || !(await breaker.check())))
        throw err;
      log.error({ provider, eventId, firmId, err }, 'sweep.refused');
      return 'refused' as const;
    });
    if (result === null) return;
    metrics.swept(provider, result);
    if (result !== 'refused') log.warn({ provider, eventId, firmId, result }, 'sweep.healed');
  }

  return {
    ...options,
    async healEach(found, heal) {
      for (const one of found) {
        if (isStopped()) return;
        await healOne(one, heal);
      }
    },
  };
}
