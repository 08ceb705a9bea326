import type { Provider, WebhookEvent } from '@semel/core';
import { queueKey } from './names.js';
import { readEvent } from './read-event.js';
import { onRedis } from './redis.js';
import type { Redis } from './topology.js';

/** The reason that BullMQ stores for a failure that the ledger has. It never contains the event's data. */
export const recordedReason = 'handler_failed';
/** BullMQ's reason for a job that stalled more often than `maxStalledCount`: its workers died while they ran it. */
const stalledOutReason = 'job stalled more than allowable limit';

export interface FailedJob {
  event: WebhookEvent;
  /** Failed attempts, as BullMQ counts them. */
  attempts: number;
  /** BullMQ gave it up because its workers died while they ran it. */
  stalledOut: boolean;
}

export interface FailedPage {
  /** Ids of failed jobs whose failure may not be recorded. */
  jobIds: string[];
  /** Where the next page starts: the time of this page's last failure. */
  lastMs: number;
  full: boolean;
}

/** Finds jobs that failed after `afterMs` and up to `untilMs` (since 1970), oldest first. Reads at most `limit` failed jobs. */
export async function findLostJobs(
  redis: Redis,
  queueName: string,
  { afterMs, untilMs, limit }: { afterMs: number; untilMs: number; limit: number },
): Promise<FailedPage> {
  const failed = await onRedis(() =>
    redis.zrangebyscore(
      queueKey(queueName, 'failed'),
      `(${afterMs}`,
      untilMs,
      'WITHSCORES',
      'LIMIT',
      0,
      limit,
    ),
  );
  const ids = failed.filter((_, i) => i % 2 === 0);
  const times = failed.filter((_, i) => i % 2 === 1).map(Number);
  const reasons = await onRedis(() =>
    Promise.all(ids.map((id) => redis.hget(queueKey(queueName, id), 'failedReason'))),
  );
  const [firstMs = afterMs, lastMs = afterMs] = [times[0], times.at(-1)];
  const full = ids.length === limit;
  return {
    jobIds: ids.filter((_, i) => reasons[i] !== recordedReason),
    // The next page may hold more failures of the last millisecond.
    lastMs: full && lastMs > firstMs ? lastMs - 1 : lastMs,
    full,
  };
}

/** Reads these jobs. Leaves out those that don't exist or have an unknown version. */
export async function readJobs(
  redis: Redis,
  provider: Provider,
  jobIds: readonly string[],
): Promise<FailedJob[]> {
  const found = await onRedis(() =>
    Promise.all(jobIds.map((id) => redis.hmget(queueKey(provider.name, id), 'data', 'failedReason', 'atm'))),
  );
  return found.flatMap(([data, reason, attempts]) => {
    const event = typeof data === 'string' ? readEvent<string>(provider, JSON.parse(data)) : null;
    if (event === null) return [];
    return [{ event, attempts: Number(attempts ?? 0), stalledOut: reason === stalledOutReason }];
  });
}
