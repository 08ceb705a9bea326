import type { Overview } from '@semel/database/admin';
import { withAdmin } from '../stores/with-admin.js';
import { withRedis } from '../stores/with-redis.js';
import { toCliError } from '../to-cli-error.js';

export interface QueueStatus {
  provider: string;
  paused: boolean;
  waiting: number;
  active: number;
  /** Jobs that wait for another attempt. */
  delayed: number;
  failed: number;
  /** The age of the oldest unfinished job; null: there is none. */
  oldestAgeMs: number | null;
}

export interface Problem {
  what: string;
  /** What to type, or to do, next. */
  next: string;
}

export interface Status {
  /** `pending`: the migrations that are not applied. `problem`: why PostgreSQL is `away`. */
  postgres: { state: 'up' | 'unmigrated' | 'away'; pending: string[]; problem: Problem | null };
  /** `problem`: why Redis is `away`. */
  redis: { state: 'up' | 'away'; warnings: string[]; problem: Problem | null };
  /** null: PostgreSQL is not up. */
  overview: Overview | null;
  /** null: Redis is not up. */
  queues: QueueStatus[] | null;
}

/** Reads the status of both stores. Does not throw if one is unreachable. */
export async function readStatus(): Promise<Status> {
  const [{ overview, ...postgres }, { queues, ...redis }] = await Promise.all([readPostgres(), readRedis()]);
  return { postgres, redis, overview, queues };
}

const readPostgres = (): Promise<Status['postgres'] & Pick<Status, 'overview'>> =>
  withAdmin(async ({ status }) => {
    const pending = await status.pendingMigrations();
    if (pending.length > 0) return { state: 'unmigrated' as const, pending, problem: null, overview: null };
    return { state: 'up' as const, pending, problem: null, overview: await status.overview() };
  }).catch((error: unknown) => ({ state: 'away', pending: [], problem: toProblem(error), overview: null }));

const readRedis = (): Promise<Status['redis'] & Pick<Status, 'queues'>> =>
  withRedis(async (redis) => {
    const [{ checkRedis, readQueueStats }, { providers }] = await Promise.all([
      import('@semel/queue'),
      import('@semel/providers'),
    ]);
    const warnings = await checkRedis(redis);
    const nowMs = Date.now();
    const queues = await Promise.all(
      providers.map(async ({ name }) => {
        const { jobs, oldestMs, isPaused } = await readQueueStats(redis, name);
        return {
          provider: name,
          paused: isPaused,
          waiting: jobs.waiting + jobs.paused + jobs.prioritized,
          active: jobs.active,
          delayed: jobs.delayed,
          failed: jobs.failed,
          oldestAgeMs: oldestMs === null ? null : Math.max(0, nowMs - oldestMs),
        };
      }),
    );
    return { state: 'up' as const, warnings, problem: null, queues };
  }).catch((error: unknown) => ({ state: 'away', warnings: [], problem: toProblem(error), queues: null }));

function toProblem(error: unknown): Problem {
  const { message, advice } = toCliError(error);
  return { what: message, next: advice ?? 'start it' };
}
