import type { Result } from 'ioredis';
import { acquireScript, confirmScript } from './claim-scripts.js';
import { leaveScript } from './firm-backlog.js';
import { statsScript } from './queue-stats.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    semelAcquire(
      ...args: (string | number)[]
    ): Result<[string, 'none' | 'alive' | 'failed' | 'completed', string, 0 | 1, number], Context>;
    semelConfirm(key: string, firmId: string, ttlMs: number): Result<number, Context>;
    semelLeave(...args: (string | number)[]): Result<number, Context>;
    semelQueueStats(...args: (string | number)[]): Result<(number | string)[], Context>;
  }
}

/**
 * The Lua scripts as commands of a connection, defined when it is opened. One that is defined later is missing in a pipeline
 * that is open at that moment, and ioredis then mixes up its answers: https://github.com/redis/ioredis/issues/1931
 */
export const scripts = {
  semelAcquire: { numberOfKeys: 5, lua: acquireScript },
  semelConfirm: { numberOfKeys: 1, lua: confirmScript },
  semelLeave: { numberOfKeys: 5, lua: leaveScript },
  semelQueueStats: { numberOfKeys: 8, lua: statsScript },
};
