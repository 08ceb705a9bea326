import { openQueue } from './event-queue.js';
import { outboxQueueName } from './names.js';
import { onRedis } from './redis.js';
import type { Redis } from './topology.js';

/** The job of one row of the outbox. */
export interface OutboxJob {
  v: 1;
  id: string;
  firmId: string;
  /** Its name; older jobs have none. */
  destination?: string;
}

export interface OutboxQueue {
  /** Makes sure that each row has a living job. Its `jobId` is the row's id: a second job for a row is none. */
  add(rows: readonly Omit<OutboxJob, 'v'>[]): Promise<void>;
  close(): Promise<void>;
}

/** The producer's side of the outbox. The rows are the truth; whatever is lost here is added again. */
export function openOutboxQueue(redis: Redis): OutboxQueue {
  const queue = openQueue(redis, outboxQueueName);

  async function addOne(row: Omit<OutboxJob, 'v'>): Promise<void> {
    const { id } = row;
    const kept = await queue.getJob(id);
    // A dead letter that was replayed: added over, it would stay as it is.
    if (kept !== undefined && (await kept.isFailed())) await kept.remove();
    const job: OutboxJob = { v: 1, ...row };
    // The row counts the attempts, and says when it is dead.
    await queue.add('deliver', job, {
      jobId: id,
      attempts: 1_000_000,
      backoff: { type: 'custom' },
      stackTraceLimit: 0,
    });
  }

  return {
    add: async (rows) => void (await onRedis(() => Promise.all(rows.map(addOne)))),
    close: () => queue.close(),
  };
}
