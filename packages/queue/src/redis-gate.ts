import { awaitFirstConnection, type RedisGate, StoreUnavailableError, withDeadline } from '@semel/core';
import { queueKey } from './names.js';
import { mastersOf, type Redis } from './topology.js';

export type GateState = 'open' | 'failing' | 'full';

export interface RedisGateOptions {
  redis: Redis;
  /** Names of the queues behind the gate. */
  queues: readonly string[];
  /** What everything behind the gate may take together, per event. */
  budgetMs: number;
  /** How often to look whether Redis is there, and how full. Default: only when it is told to `check`. */
  everyMs?: number;
  /** The share of `maxmemory` above which Redis counts as full; it is never full without a `maxmemory`. */
  highWater: number;
  /** Jobs that wait in one queue, above which Redis counts as full for that queue. */
  backlogLimit: number;
  /** How long Redis may take to be reached for the first time before it counts as away. Default: 5 s. */
  firstConnectionMs?: number;
  /** Not told: that Redis is not reached yet, and that it is then. */
  onChange(state: GateState, queue: string | null): void;
}

export interface OpenGate {
  /** The gate for one queue. */
  of(queue: string): RedisGate & { readonly isOpen: boolean };
  /** Looks now. True: Redis is there, and not full. */
  check(): Promise<boolean>;
  stop(): void;
}

/**
 * The breaker and the high-water mark of a producer's Redis. The first failure shuts it, and one poll, not every event,
 * finds out when it may open again. Full is not failing: at `maxmemory` itself BullMQ's workers can't drain any more, so what
 * arrives must go elsewhere well before.
 */
export function openRedisGate(options: RedisGateOptions): OpenGate {
  const { redis, queues, budgetMs, everyMs } = options;
  const connection = awaitFirstConnection(options.firstConnectionMs);
  let state: GateState = 'open';
  let told: GateState = 'open';
  const overlong = new Set<string>();
  let stopped = false;

  const isOpen = (queue: string) => state === 'open' && !overlong.has(queue);
  const overBudget = () => new StoreUnavailableError('redis', new Error(`no answer within ${budgetMs} ms`));

  function become(next: GateState): void {
    if (stopped) return;
    state = next;
    if (next !== 'failing') connection.made();
    if (next === told || connection.isAwaited()) return;
    told = next;
    options.onChange(next, null);
  }

  async function look(): Promise<void> {
    try {
      const [fullest, ...backlogs] = await Promise.all([
        fullestOf(redis),
        ...queues.map((queue) => backlogOf(redis, queue)),
      ]);
      become(fullest > options.highWater ? 'full' : 'open');
      queues.forEach((queue, i) => {
        const isOver = (backlogs[i] as number) > options.backlogLimit;
        if (isOver === overlong.has(queue)) return;
        if (isOver) overlong.add(queue);
        else overlong.delete(queue);
        options.onChange(isOver ? 'full' : 'open', queue);
      });
    } catch {
      become('failing');
    }
  }

  let timer: NodeJS.Timeout | undefined;
  const poll = () => {
    timer = setTimeout(() => void look().then(() => stopped || poll()), everyMs);
  };
  if (everyMs !== undefined) poll();

  return {
    of: (queue) => ({
      get isOpen() {
        return isOpen(queue);
      },
      async pass(work) {
        if (!isOpen(queue)) throw new StoreUnavailableError('redis', new Error(`the gate is shut: ${state}`));
        try {
          // What was begun may still land: under the same job id, met again by whatever else becomes of the event.
          return await withDeadline(budgetMs, work(), overBudget);
        } catch (error) {
          if (error instanceof StoreUnavailableError && error.store === 'redis') become('failing');
          throw error;
        }
      },
    }),
    async check() {
      await look();
      return state === 'open';
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

const backlogOf = async (redis: Redis, queue: string): Promise<number> => {
  const [waiting, prioritized] = await Promise.all([
    redis.llen(queueKey(queue, 'wait')),
    redis.zcard(queueKey(queue, 'prioritized')),
  ]);
  return waiting + prioritized;
};

const fullestOf = async (redis: Redis): Promise<number> =>
  Math.max(
    ...(await Promise.all(mastersOf(redis).map(async (master) => fullness(await master.info('memory'))))),
  );

/** 0 … 1; 0 where there is no limit. */
function fullness(memory: string): number {
  const bytes = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(memory)?.[1] ?? 0);
  const limit = bytes('maxmemory');
  return limit === 0 ? 0 : bytes('used_memory') / limit;
}
