import { idempotencyKey, type Provider, type Repeating, repeat, type WebhookEvent } from '@semel/core';
import { postponeSpill, quarantineSpill, type SpillRow, takeDueSpill } from '@semel/database';
import type { ProviderQueue, RedisBreaker } from '@semel/queue';
import type { Logger, Metrics } from '@semel/telemetry';

export interface RelayOptions {
  pool: Parameters<typeof takeDueSpill>[0];
  providers: readonly Provider[];
  queueOf(provider: string): Pick<ProviderQueue['queue'], 'requeue'>;
  breaker: RedisBreaker;
  metrics: Metrics;
  log: Logger;
  /** How often to look for rows that are due, while there are none. */
  everyMs: number;
  /** When a row that the queue has is looked at again: if it is still there by then, the queue may have lost it. */
  againAfterMs: number;
  /** For how long rows are taken: longer than Redis may take for those of one look. Default: 30 s. */
  leaseMs?: number;
}

type Armed = 'armed' | 'alive' | 'foreign' | { error: unknown };

const rowsPerLook = 200;
/** Redis had taken the event after all, only its answer was late: by then that job is done, and the row is over. */
const twinMs = 2_000;
/** How long a row steps aside that Redis refuses although it is well. */
const asideMs = 60_000;

/**
 * Brings spill rows to the queue as soon as Redis can take them, and only marks them: the apply transaction deletes them.
 * Their order is approximate; the guards of the domain make that harmless.
 */
export function startRelay({
  pool,
  breaker,
  metrics,
  log,
  leaseMs = 30_000,
  ...options
}: RelayOptions): Repeating {
  const arm = (event: WebhookEvent): Promise<Armed> =>
    options
      .queueOf(event.provider)
      .requeue(event)
      .catch((error: unknown) => ({ error }));

  /** Returns how many rows there were to look at; 0 where it is better to wait. */
  async function look(): Promise<number> {
    await breaker.check();
    const open = options.providers.map(({ name }) => name).filter((name) => breaker.of(name).isClosed);
    if (open.length === 0) return 0;
    const { rows, settled } = await takeDueSpill(pool, { providers: open, limit: rowsPerLook, leaseMs });
    for (const provider of settled) metrics.relayed(provider, 'settled');

    const inQueue: SpillRow[] = [];
    const twins: SpillRow[] = [];
    const refused: [SpillRow, unknown][] = [];
    const armed = await armAll(rows);
    for (const [i, row] of rows.entries()) {
      const result = armed[i] as Armed;
      if (typeof result === 'object') refused.push([row, result.error]);
      else if (result === 'foreign') await setAside(row);
      else {
        (result === 'alive' && !row.enqueued ? twins : inQueue).push(row);
        metrics.relayed(row.event.provider, result === 'armed' ? 'enqueued' : 'alive');
      }
    }
    await postponeSpill(pool, inQueue, { dueInMs: options.againAfterMs, enqueued: true });
    await postponeSpill(pool, twins, { dueInMs: Math.min(twinMs, options.againAfterMs), enqueued: true });
    if (refused.length > 0) await putBack(refused);
    return refused.length > 0 ? 0 : rows.length + settled.length;
  }

  /** All at once, but rows of one event id one after the other: else the second firm's would not see the first one's job. */
  function armAll(rows: readonly SpillRow[]): Promise<Armed[]> {
    const turns = new Map<string, Promise<Armed>>();
    return Promise.all(
      rows.map(({ event }) => {
        const key = idempotencyKey(event);
        const before = turns.get(key) ?? Promise.resolve();
        const turn = before.then(() => arm(event));
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

  async function setAside(row: SpillRow): Promise<void> {
    await quarantineSpill(pool, row);
    metrics.relayed(row.event.provider, 'quarantined');
    log.warn(factsOf(row), 'event.quarantined');
  }

  /** Redis failed, and then they are due at once; or it is well and refuses these, which must not hold up the others. */
  async function putBack(refused: readonly [SpillRow, unknown][]): Promise<void> {
    if (!(await breaker.check()))
      return postponeSpill(
        pool,
        refused.map(([row]) => row),
        { dueInMs: 0 },
      );
    for (const [row, err] of refused) {
      // Once may have been the end of an outage.
      await postponeSpill(pool, [row], { dueInMs: row.refused ? asideMs : 0, error: String(err) });
      if (!row.refused) continue;
      metrics.relayed(row.event.provider, 'stepped_aside');
      log.error({ ...factsOf(row), err }, 'spill.steppedAside');
    }
  }

  return repeat(async () => ((await look()) > 0 ? 0 : options.everyMs), {
    firstInMs: 0,
    everyMs: options.everyMs,
    onOutage: (err) => log.warn({ err }, 'spill.waiting'),
  });
}
