import { type Repeating, repeat } from '@semel/core';
import { prefixOf, queueKey } from './names.js';
import type { Redis } from './topology.js';

/** A hash: how many jobs of each firm the queue holds, whether they wait, run or are delayed. */
export const backlogKey = (provider: string): string => `${prefixOf(provider)}:firms`;

const jobsPerPriority = 50;
const lowestPriority = 2_000;

/**
 * The priority of a job that is its firm's n-th: 0, the first, for the first fifty, then one lower for each fifty more. So a
 * firm with a backlog delays itself: jobs of a firm with few are run before its own later ones.
 */
export const priorityOf = (backlog: number): number =>
  Math.min(Math.floor(backlog / jobsPerPriority), lowestPriority);

/**
 * KEYS 1 hash · 2 wait · 3 prioritized · 4 active · 5 delayed
 * ARGV firm id, number of jobs that left, firm id, …
 * What a crash left counted too high is forgotten as soon as the queue is empty, or when it counts twice as many as there are.
 */
export const leaveScript = `
for i = 1, #ARGV, 2 do
  if redis.call('HINCRBY', KEYS[1], ARGV[i], -ARGV[i + 1]) <= 0 then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
local jobs = redis.call('LLEN', KEYS[2]) + redis.call('ZCARD', KEYS[3]) + redis.call('LLEN', KEYS[4]) + redis.call('ZCARD', KEYS[5])
local counted = 0
for _, count in ipairs(redis.call('HVALS', KEYS[1])) do counted = counted + count end
if jobs == 0 or counted > 2 * jobs + 1000 then redis.call('DEL', KEYS[1]) end
return counted
`;

export interface FirmBacklog {
  /** The priority of a firm's next attempt at a job that failed: after its first attempts. */
  retryPriority(firmId: string): Promise<number>;
  /** A job of the firm has left the queue for good. */
  leave(firmId: string): void;
  stop(): Promise<void>;
}

const flushMs = 100;

/** Keeps count of a provider's jobs by firm, for its worker. Producers count each job when they add it. */
export function openFirmBacklog(redis: Redis, provider: string): FirmBacklog {
  const keys = [
    backlogKey(provider),
    ...['wait', 'prioritized', 'active', 'delayed'].map((part) => queueKey(provider, part)),
  ];
  const left = new Map<string, number>();

  async function flush(): Promise<void> {
    if (left.size === 0) return;
    const args = [...left].flat();
    left.clear();
    await redis.semelLeave(...keys, ...args);
  }
  const flushing: Repeating = repeat(flush, { everyMs: flushMs });

  return {
    retryPriority: async (firmId) => 1 + priorityOf(Number(await redis.hget(backlogKey(provider), firmId))),
    leave: (firmId) => void left.set(firmId, (left.get(firmId) ?? 0) + 1),
    async stop() {
      await flushing.stop();
      await flush().catch(() => undefined);
    },
  };
}
