import {
  idempotencyKey,
  type Provider,
  type Repeating,
  repeat,
  StoreUnavailableError,
  type WebhookEvent,
} from '@semel/core';
import { postponeSpill, quarantineSpill, type SpillRow, takeDueSpill } from '@semel/database';
import type { BreakerState, ProviderQueue, RedisBreaker } from '@semel/queue';
import type { Logger, Metrics } from '@semel/telemetry';

export interface RelayOptions {
  pool: Parameters<typeof takeDueSpill>[0];
  providers: readonly Provider[];
  queueOf(provider: string): Pick<ProviderQueue['queue'], 'requeue'>;
  /** Applies an event without the queue. False: it must wait. */
  applyNow(event: WebhookEvent): Promise<boolean>;
  breaker: RedisBreaker;
  metrics: Metrics;
  log: Logger;
  /** How often to check for due rows, while there are none. */
  everyMs: number;
  /** When a row whose event was enqueued is checked again: if it still exists by then, the queue may have lost the job. */
  againAfterMs: number;
  /** How long rows are reserved: longer than Redis may take for those of one pass. Default: 30 s. */
  leaseMs?: number;
}

type Requeued = 'enqueued' | 'alive' | 'foreign' | { error: unknown };

const rowsPerPass = 200;
/** When to check a row again whose event has a job already: Redis took it, but answered too late. */
const recheckMs = 2_000;
/** When to try a row again that Redis refuses although it can be reached. */
const refusedMs = 60_000;

/**
 * Enqueues the events of spill rows as soon as Redis can take them. It only marks the rows: the apply transaction deletes
 * them. Their order is approximate; the objects' guards make that harmless.
 */
export function startRelay({
  pool,
  breaker,
  metrics,
  log,
  leaseMs = 30_000,
  ...options
}: RelayOptions): Repeating {
  const requeue = (event: WebhookEvent): Promise<Requeued> =>
    options
      .queueOf(event.provider)
      .requeue(event)
      .catch((error: unknown) => ({ error }));

  /** Returns how many rows were due; 0 if it is better to wait. */
  async function relayDue(): Promise<number> {
    await breaker.check();
    const namesIn = (state: BreakerState) =>
      options.providers.map(({ name }) => name).filter((name) => breaker.of(name).state === state);
    const [reachable, full] = [namesIn('closed'), namesIn('full')];
    return (
      (full.length === 0 ? 0 : await applyDue(full)) +
      (reachable.length === 0 ? 0 : await enqueueDue(reachable))
    );
  }

  /** Applies events from Postgres while Redis is full: jobs that wait for a retry may keep it full. */
  async function applyDue(providers: readonly string[]): Promise<number> {
    const { rows } = await takeDueSpill(pool, { providers, limit: rowsPerPass, leaseMs });
    const left: SpillRow[] = [];
    await Promise.all(
      rows.map(async (row) => {
        const isApplied = await options.applyNow(row.event).catch((error: unknown) => {
          if (error instanceof StoreUnavailableError) throw error;
          return false;
        });
        if (isApplied) metrics.relayed(row.event.provider, 'applied_directly');
        else left.push(row);
      }),
    );
    await postponeSpill(pool, left, { dueInMs: options.againAfterMs });
    return rows.length;
  }

  async function enqueueDue(providers: readonly string[]): Promise<number> {
    const { rows, finished } = await takeDueSpill(pool, { providers, limit: rowsPerPass, leaseMs });
    for (const provider of finished) metrics.relayed(provider, 'finished');

    const inQueue: SpillRow[] = [];
    const alive: SpillRow[] = [];
    const refused: [SpillRow, unknown][] = [];
    const results = await requeueAll(rows);
    for (const [i, row] of rows.entries()) {
      const result = results[i] as Requeued;
      if (typeof result === 'object') refused.push([row, result.error]);
      else if (result === 'foreign') await quarantine(row);
      else {
        (result === 'alive' && !row.enqueued ? alive : inQueue).push(row);
        metrics.relayed(row.event.provider, result === 'enqueued' ? 'enqueued' : 'alive');
      }
    }
    await postponeSpill(pool, inQueue, { dueInMs: options.againAfterMs, enqueued: true });
    await postponeSpill(pool, alive, { dueInMs: Math.min(recheckMs, options.againAfterMs), enqueued: true });
    if (refused.length > 0) await putBack(refused);
    return refused.length > 0 ? 0 : rows.length + finished.length;
  }

  /** Enqueues all rows at once, but those with the same event id in turn: the second firm's must see the first firm's job. */
  function requeueAll(rows: readonly SpillRow[]): Promise<Requeued[]> {
    const turns = new Map<string, Promise<Requeued>>();
    return Promise.all(
      rows.map(({ event }) => {
        const key = idempotencyKey(event);
        const before = turns.get(key) ?? Promise.resolve();
        const turn = before.then(() => requeue(event));
        turns.set(key, turn);
        return turn;
      }),
    );
  }

  const factsOf = ({ event, firmId }: SpillRow) => ({
    provider: event.provider,
    eventId: event.eventId,
    firmId,
  });

  async function quarantine(row: SpillRow): Promise<void> {
    await quarantineSpill(pool, row);
    metrics.relayed(row.event.provider, 'quarantined');
    log.warn(factsOf(row), 'event.quarantined');
  }

  /** If Redis failed, the rows stay due. If it works but refuses these rows, they wait, so that they don't delay others. */
  async function putBack(refused: readonly [SpillRow, unknown][]): Promise<void> {
    if (!(await breaker.check()))
      return postponeSpill(
        pool,
        refused.map(([row]) => row),
        { dueInMs: 0 },
      );
    for (const [row, err] of refused) {
      // A first refusal may be the tail of an outage, so the row is tried again at once.
      await postponeSpill(pool, [row], { dueInMs: row.refused ? refusedMs : 0, error: String(err) });
      if (!row.refused) continue;
      metrics.relayed(row.event.provider, 'refused_by_redis');
      log.error({ ...factsOf(row), err }, 'spill.refusedByRedis');
    }
  }

  return repeat(async () => ((await relayDue()) > 0 ? 0 : options.everyMs), {
    firstInMs: 0,
    everyMs: options.everyMs,
    onOutage: (err) => log.warn({ err }, 'spill.waiting'),
  });
}
