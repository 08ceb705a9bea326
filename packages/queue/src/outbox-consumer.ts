import { StoreUnavailableError } from '@semel/core';
import { DelayedError, UnrecoverableError } from 'bullmq';
import type { Consumer } from './consumer.js';
import { outboxQueueName } from './names.js';
import type { OutboxJob } from './outbox-queue.js';
import { openWorker } from './queue-worker.js';

/** How an attempt went, as the row says. `over`: there is nothing to do, for it is delivered or another process has it. */
export type DeliveryResult =
  | { outcome: 'delivered' | 'over' }
  | { outcome: 'failed'; delayMs: number }
  | { outcome: 'dead' };

export interface OutboxConsumerOptions {
  redisUrl: string;
  concurrency: number;
  /** Delivers one row and writes down how it went. Throws where that could not be written. */
  deliver(job: OutboxJob): Promise<DeliveryResult>;
  onError(error: Error): void;
}

/** Written down in the row already: what BullMQ keeps is only that, never where it went or what was answered. */
class RecordedFailure extends Error {
  readonly delayMs: number;
  constructor(delayMs: number) {
    super('delivery_failed');
    this.delayMs = delayMs;
  }
}

const outageDelayMs = 1_000;
const unknownVersionDelayMs = 30_000;

/** The worker of the outbox. Between attempts a job waits in Redis as long as its row says; dead ones stay, to be seen. */
export function openOutboxConsumer(options: OutboxConsumerOptions): Pick<Consumer, 'close'> {
  const { worker, close } = openWorker<OutboxJob>(
    { redisUrl: options.redisUrl, queueName: outboxQueueName },
    async (job, token) => {
      const postpone = async (delayMs: number): Promise<never> => {
        await job.moveToDelayed(Date.now() + delayMs, token);
        throw new DelayedError();
      };
      if (job.data.v !== 1) return postpone(unknownVersionDelayMs);
      const result = await options.deliver(job.data).catch((error: unknown) => {
        options.onError(error as Error);
        return postpone(error instanceof StoreUnavailableError ? outageDelayMs : unknownVersionDelayMs);
      });
      if (result.outcome === 'failed') throw new RecordedFailure(result.delayMs);
      if (result.outcome === 'dead') throw new UnrecoverableError('delivery_failed');
    },
    {
      concurrency: options.concurrency,
      removeOnComplete: { count: 0 },
      removeOnFail: { age: 30 * 86_400, count: 10_000 },
      settings: {
        backoffStrategy: (_attempt, _type, error) =>
          (error as RecordedFailure | undefined)?.delayMs ?? outageDelayMs,
      },
    },
  );
  worker.on('error', options.onError);
  return { close };
}
