import {
  awaitFirstConnection,
  type CircuitBreaker,
  type Repeating,
  repeat,
  StoreUnavailableError,
  withDeadline,
} from '@semel/core';
import { queueKey } from './names.js';
import { mastersOf, type Redis } from './topology.js';

/** `closed`: Redis takes events. `open`: it failed. `full`: it has too little memory left, or a queue has too many jobs. */
export type BreakerState = 'closed' | 'open' | 'full';

export interface RedisBreakerOptions {
  redis: Redis;
  /** The queues that the breaker protects. */
  queues: readonly string[];
  /** How long one call of `run` may take, in milliseconds. */
  budgetMs: number;
  /** How often to check Redis. Default: only when `check` is called. */
  everyMs?: number;
  /** The share of `maxmemory` above which Redis counts as full. Without a `maxmemory` it is never full. */
  highWater: number;
  /** The number of jobs, waiting and delayed, above which a queue counts as full. */
  backlogLimit: number;
  /** How long the first connection may take before Redis counts as unreachable. Default: 5 s. */
  firstConnectionMs?: number;
  /** Called when the state changes; `queue` is null for the state of all queues. Not called before the first connection. */
  onChange(state: BreakerState, queue: string | null): void;
}

export interface RedisBreaker {
  /** The breaker of one queue. */
  of(queue: string): CircuitBreaker & { readonly state: BreakerState; readonly isClosed: boolean };
  /** Checks Redis now. True: it can be reached, and is not full. */
  check(): Promise<boolean>;
  stop(): void;
}

/**
 * Opens a circuit breaker in front of Redis. The first failure opens it. One poll, not every event, finds out when it can close.
 * It also refuses events while Redis is full, well below `maxmemory`: at `maxmemory` workers can't finish jobs any more.
 */
export function openRedisBreaker(options: RedisBreakerOptions): RedisBreaker {
  const { redis, queues, budgetMs, everyMs } = options;
  const connection = awaitFirstConnection(options.firstConnectionMs);
  let state: BreakerState = 'closed';
  let reported: BreakerState = 'closed';
  const fullQueues = new Set<string>();
  let isStopped = false;

  const stateOf = (queue: string): BreakerState =>
    state === 'closed' && fullQueues.has(queue) ? 'full' : state;
  const overBudget = () => new StoreUnavailableError('redis', new Error(`no answer within ${budgetMs} ms`));

  function become(next: BreakerState): void {
    if (isStopped) return;
    state = next;
    if (next !== 'open') connection.made();
    if (next === reported || connection.isAwaited()) return;
    reported = next;
    options.onChange(next, null);
  }

  async function check(): Promise<void> {
    try {
      const [fullest, ...backlogs] = await Promise.all([
        readFullness(redis),
        ...queues.map((queue) => countWaiting(redis, queue)),
      ]);
      become(fullest > options.highWater ? 'full' : 'closed');
      queues.forEach((queue, i) => {
        const isFull = (backlogs[i] as number) > options.backlogLimit;
        if (isFull === fullQueues.has(queue)) return;
        if (isFull) fullQueues.add(queue);
        else fullQueues.delete(queue);
        options.onChange(isFull ? 'full' : 'closed', queue);
      });
    } catch {
      become('open');
    }
  }

  const polling: Repeating | null = everyMs === undefined ? null : repeat(check, { everyMs });

  return {
    of: (queue) => ({
      get state() {
        return stateOf(queue);
      },
      get isClosed() {
        return stateOf(queue) === 'closed';
      },
      async run(work) {
        const current = stateOf(queue);
        if (current !== 'closed')
          throw new StoreUnavailableError('redis', new Error(`the breaker is ${current}`));
        try {
          // Late work may still take effect: the job id is the same, so the next delivery of the event finds it.
          return await withDeadline(budgetMs, work(), overBudget);
        } catch (error) {
          if (error instanceof StoreUnavailableError && error.store === 'redis') become('open');
          throw error;
        }
      },
    }),
    async check() {
      await check();
      return state === 'closed';
    },
    stop() {
      isStopped = true;
      void polling?.stop();
    },
  };
}

const countWaiting = async (redis: Redis, queue: string): Promise<number> => {
  const [waiting, prioritized, delayed] = await Promise.all([
    redis.llen(queueKey(queue, 'wait')),
    redis.zcard(queueKey(queue, 'prioritized')),
    redis.zcard(queueKey(queue, 'delayed')),
  ]);
  return waiting + prioritized + delayed;
};

/** The share of `maxmemory` in use on the fullest master, 0 … 1; 0 if there is no limit. */
const readFullness = async (redis: Redis): Promise<number> =>
  Math.max(
    ...(await Promise.all(mastersOf(redis).map(async (master) => fullnessOf(await master.info('memory'))))),
  );

function fullnessOf(memory: string): number {
  const bytes = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(memory)?.[1] ?? 0);
  const limit = bytes('maxmemory');
  return limit === 0 ? 0 : bytes('used_memory') / limit;
}
