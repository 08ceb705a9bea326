import { queueKey } from './names.js';
import type { Redis } from './topology.js';

/**
 * Counts a queue's jobs and finds the oldest unfinished one. Reads at most `sample` jobs at each end of a list: retries may be
 * anywhere in it, but the oldest are near its ends. Writes nothing.
 *
 * KEYS  1 wait · 2 active · 3 delayed · 4 prioritized · 5 paused · 6 failed · 7 completed · 8 meta
 * ARGV  1 key prefix of jobs · 2 sample
 * Returns wait, active, delayed, prioritized, paused, failed, completed, queue is paused (0, 1), time stamp ('' if none)
 */
export const statsScript = `
local sample, oldest = tonumber(ARGV[2]), nil
local function look(ids)
  for _, id in ipairs(ids) do
    local at = tonumber(redis.call('HGET', ARGV[1] .. id, 'timestamp') or nil)
    if at and (not oldest or at < oldest) then oldest = at end
  end
end
local function ends(command, key, length)
  look(redis.call(command, key, 0, sample - 1))
  if length > sample then look(redis.call(command, key, -math.min(sample, length - sample), -1)) end
end
local counts = {}
for i = 1, 7 do
  counts[i] = redis.call((i <= 2 or i == 5) and 'LLEN' or 'ZCARD', KEYS[i])
  if i <= 5 then ends((i <= 2 or i == 5) and 'LRANGE' or 'ZRANGE', KEYS[i], counts[i]) end
end
counts[8] = redis.call('HEXISTS', KEYS[8], 'paused')
counts[9] = oldest and string.format('%d', oldest) or ''
return counts
`;

const parts = ['wait', 'active', 'delayed', 'prioritized', 'paused', 'failed', 'completed', 'meta'] as const;
const sample = 50;

export interface QueueStats {
  /** Jobs of a paused queue wait as `paused`, not as `waiting`. */
  jobs: Record<'waiting' | 'active' | 'delayed' | 'prioritized' | 'paused' | 'failed' | 'completed', number>;
  /** When the oldest unfinished job was added, in milliseconds since 1970; null: there is none. */
  oldestMs: number | null;
  /** An operator has paused the queue. */
  isPaused: boolean;
}

/** Reads a queue's figures in one round trip. The cost does not depend on the queue's length. */
export async function readQueueStats(redis: Redis, queueName: string): Promise<QueueStats> {
  const keys = parts.map((part) => queueKey(queueName, part));
  const answer = await redis.semelQueueStats(...keys, queueKey(queueName, ''), sample);
  const [wait, active, delayed, prioritized, legacyPaused, failed, completed, isPaused] = answer.map(Number);
  const [waiting, paused] = isPaused ? [0, (wait ?? 0) + (legacyPaused ?? 0)] : [wait, legacyPaused];
  const jobs = { waiting, active, delayed, prioritized, paused, failed, completed };
  return {
    jobs: jobs as QueueStats['jobs'],
    oldestMs: answer[8] ? Number(answer[8]) : null,
    isPaused: isPaused === 1,
  };
}
