import { withDeadline } from '@semel/core';
import { type Processor, Worker, type WorkerOptions } from 'bullmq';
import { prefixOf } from './names.js';
import { openConsumerRedis } from './redis.js';

/** BullMQ asks Redis to hold its answer until there is a job, for up to ten seconds. A vanished peer would be missed as late. */
const waitSeconds = 2;

class ShortWaits<Data> extends Worker<Data> {
  override get maximumBlockTimeout(): number {
    return waitSeconds;
  }

  /** Stops the timers that a `close` leaves running which waits for a lost connection, or for a job. */
  async abandon(): Promise<void> {
    await this.lockManager.close();
  }
}

export interface QueueWorker<Data> {
  readonly worker: Worker<Data>;
  /** Lets running jobs end, for so long; then lets go of them: they run again elsewhere. */
  close(timeoutMs: number): Promise<void>;
}

/** A BullMQ worker on connections of its own: what is common to all queues. */
export function openWorker<Data>(
  { redisUrl, queueName }: { redisUrl: string; queueName: string },
  run: Processor<Data>,
  options: Omit<WorkerOptions, 'connection' | 'prefix'>,
): QueueWorker<Data> {
  const { connection, disconnect } = openConsumerRedis(redisUrl);
  const worker = new ShortWaits<Data>(queueName, run, {
    connection,
    prefix: prefixOf(queueName),
    drainDelay: waitSeconds,
    // A deploy or a crash is no fault of the event: the ledger makes another run harmless.
    maxStalledCount: 1_000,
    ...options,
  });
  return {
    worker,
    async close(timeoutMs) {
      const closed = worker.close().catch(() => undefined);
      // Not `close(true)`: a second close only waits for the first one.
      await withDeadline(timeoutMs, closed, () => new Error('late')).catch(() => worker.abandon());
      disconnect();
    },
  };
}
