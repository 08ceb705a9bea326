import type { WebhookEvent } from '@semel/core';
import { queueKey } from './names.js';
import { readEvent } from './read-event.js';
import { onRedis } from './redis.js';
import type { Redis } from './topology.js';

/** What BullMQ keeps as the reason of a failure that is in the ledger already: only that, never the event's data. */
export const recordedReason = 'handler_failed';
/** BullMQ's own, of a job whose workers died under it more often than `maxStalledCount`. */
const stalledOutReason = 'job stalled more than allowable limit';

export interface FailedJob {
  event: WebhookEvent;
  /** How often a handler failed it, by BullMQ's count. */
  attempts: number;
  /** Its workers died under it, again and again. */
  stalledOut: boolean;
}

export interface FailedPage {
  /** Ids of jobs that no processor of ours has failed: nobody may have written down what became of them. */
  eventIds: string[];
  /** From where the next page goes on: the time of its last failure. */
  lastMs: number;
  full: boolean;
}

/** Jobs that failed between two times in milliseconds since 1970 (the first one excluded), the oldest first, `limit` looked at. */
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
    eventIds: ids.filter((_, i) => reasons[i] !== recordedReason),
    // Others of the last millisecond may stand beyond a full page.
    lastMs: full && lastMs > firstMs ? lastMs - 1 : lastMs,
    full,
  };
}

/** Those of these jobs that are there, and of a version that this process knows. */
export async function readJobs(
  redis: Redis,
  queueName: string,
  eventIds: readonly string[],
): Promise<FailedJob[]> {
  const found = await onRedis(() =>
    Promise.all(eventIds.map((id) => redis.hmget(queueKey(queueName, id), 'data', 'failedReason', 'atm'))),
  );
  return found.flatMap(([data, reason, attempts]) => {
    const event = typeof data === 'string' ? readEvent<string>(JSON.parse(data)) : null;
    if (event === null) return [];
    return [{ event, attempts: Number(attempts ?? 0), stalledOut: reason === stalledOutReason }];
  });
}
