import { type Repeating, repeat } from '@semel/core';
import { prefixOf, queueKey } from './names.js';
import type { Redis } from './topology.js';

/** The key of a hash that counts each firm's jobs in the queue: waiting, active or delayed. */
export const backlogKey = (provider: string): string => `${prefixOf(provider)}:firms`;

export const jobsPerPriority = 50;
export const lowestPriority = 2_000;

/**
 * Returns the priority of a firm's n-th job: 0, which is run first, for the first `jobsPerPriority`, and one lower for each as many more. So a
 * firm with a backlog delays itself, not firms with few jobs.
 */
export const priorityOf = (backlog: number): number =>
  Math.min(Math.floor(backlog / jobsPerPriority), lowestPriority);

/**
 * KEYS 1 hash · 2 wait · 3 prioritized · 4 active · 5 delayed
 * ARGV firm id, number of jobs that left, firm id, …
 * A crash leaves the count too high. It is reset when the queue is empty, or when it exceeds twice the real number.
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
  /** Returns the priority of a firm's retry, which is below that of its next first attempt. */
  retryPriority(firmId: string): Promise<number>;
  /** Counts a job of the firm that left the queue for good. */
  leave(firmId: string): void;
  stop(): Promise<void>;
}

const flushMs = 100;

/** Counts a provider's jobs by firm, on the worker's side. Producers count each job when they add it. */
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
