import { withDeadline } from '@semel/core';
import { type Processor, Worker, type WorkerOptions } from 'bullmq';
import { prefixOf } from './names.js';
import { openConsumerRedis } from './redis.js';

/** How long BullMQ blocks for a job; its default is up to ten seconds. A vanished peer is noticed only after that. */
const waitSeconds = 2;

/** A stall is caused by a deploy or a crash, not by the event, and the ledger makes another run harmless. */
export const mostStalls = 1_000;

class ShortWaits<Data> extends Worker<Data> {
  override get maximumBlockTimeout(): number {
    return waitSeconds;
  }

  /** Stops timers that go on while `close` waits for a lost connection or a running job. */
  async abandon(): Promise<void> {
    await this.lockManager.close();
  }
}

export interface QueueWorker<Data> {
  readonly worker: Worker<Data>;
  /** Waits for running jobs at most this long. Jobs that still run then are run again elsewhere. */
  close(timeoutMs: number): Promise<void>;
}

/** Opens a BullMQ worker on its own connections, with the options that all queues share. */
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
    maxStalledCount: mostStalls,
    ...options,
  });
  return {
    worker,
    async close(timeoutMs) {
      const closed = worker.close().catch(() => undefined);
      // Not `close(true)`: after a first call it would only wait for that one.
      await withDeadline(timeoutMs, closed, () => new Error('late')).catch(() => worker.abandon());
      disconnect();
    },
  };
}
