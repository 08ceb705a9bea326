import type { Overview } from '@semel/database/admin';
import { withAdmin } from '../stores/with-admin.js';
import { withRedis } from '../stores/with-redis.js';
import { toCliError } from '../to-cli-error.js';

export interface QueueStatus {
  provider: string;
  paused: boolean;
  waiting: number;
  active: number;
  /** Waiting for another attempt. */
  delayed: number;
  failed: number;
  /** Of the oldest job that is not finished; null: there is none. */
  oldestAgeMs: number | null;
}

export interface Status {
  postgres: { state: 'up' | 'unmigrated' | 'away'; pending: string[]; error: string | null };
  redis: { state: 'up' | 'away'; warnings: string[]; error: string | null };
  /** null: PostgreSQL can't be asked. */
  overview: Overview | null;
  /** null: Redis can't be asked. */
  queues: QueueStatus[] | null;
}

/** Asks both stores. One that is away is an answer, not an error. */
export async function readStatus(): Promise<Status> {
  const [{ overview, ...postgres }, { queues, ...redis }] = await Promise.all([readPostgres(), readRedis()]);
  return { postgres, redis, overview, queues };
}

const readPostgres = (): Promise<Status['postgres'] & Pick<Status, 'overview'>> =>
  withAdmin(async ({ status }) => {
    const pending = await status.pendingMigrations();
    if (pending.length > 0) return { state: 'unmigrated' as const, pending, error: null, overview: null };
    return { state: 'up' as const, pending, error: null, overview: await status.overview() };
  }).catch((error: unknown) => ({ state: 'away', pending: [], error: told(error), overview: null }));

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
    return { state: 'up' as const, warnings, error: null, queues };
  }).catch((error: unknown) => ({ state: 'away', warnings: [], error: told(error), queues: null }));

function told(error: unknown): string {
  const { message, advice } = toCliError(error);
  return advice === null ? message : `${message} — ${advice}`;
}
