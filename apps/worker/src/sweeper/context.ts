import { type Applied, type Provider, StoreUnavailableError, type WebhookEvent } from '@semel/core';
import type { listStoredBodies } from '@semel/database';
import type { ProviderQueue, Redis, RedisBreaker } from '@semel/queue';
import type { Logger, Metrics, SweptResult } from '@semel/telemetry';

export interface SweepSettings {
  /** How often to look. */
  everyMs: number;
  /** How old something must be before it counts as left behind: what is under way ends well before. */
  graceMs: number;
  /** How many rows or jobs of a kind are looked at each time; the next time goes on after them. */
  pageSize: number;
}

export interface SweepOptions extends SweepSettings {
  pool: Parameters<typeof listStoredBodies>[0];
  redis: Redis;
  breaker: RedisBreaker;
  providers: readonly Provider[];
  queueOf(provider: string): Pick<ProviderQueue, 'claims' | 'queue'>;
  /** Writes an event down as `dead` whose job the queue gave up. */
  recordLost(provider: Provider, event: WebhookEvent, attempts: number): Promise<Applied>;
  metrics: Metrics;
  log: Logger;
}

/** One kind of what is left behind. Looks at a page of it, heals it, and remembers where to go on. */
export type Sweep = () => Promise<void>;

type Named = Pick<WebhookEvent, 'provider' | 'eventId'> & { firmId: string };

export interface SweepContext extends SweepOptions {
  /**
   * Heals one event, counts what was done and says so; null: there was nothing to do. What fails although both stores are well
   * is that event's own trouble, and holds up no other; else it throws `StoreUnavailableError`.
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
