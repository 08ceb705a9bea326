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
  /** Adds a job for each row. The job id is the row's id, so a row that has a living job gets no second one. */
  add(rows: readonly Omit<OutboxJob, 'v'>[]): Promise<void>;
  close(): Promise<void>;
}

/** Opens the producer's side of the outbox. The rows are the source of truth: lost jobs are added again. */
export function openOutboxQueue(redis: Redis): OutboxQueue {
  const queue = openQueue(redis, outboxQueueName);

  async function addOne(row: Omit<OutboxJob, 'v'>): Promise<void> {
    const { id } = row;
    const existing = await queue.getJob(id);
    // A replayed dead letter: BullMQ ignores a job whose id exists, so the failed one is removed.
    if (existing !== undefined && (await existing.isFailed())) await existing.remove();
    const job: OutboxJob = { v: 1, ...row };
    // The row counts attempts and decides when it is dead.
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
