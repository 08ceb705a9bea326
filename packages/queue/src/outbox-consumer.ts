import { StoreUnavailableError } from '@semel/core';
import type { Consumer } from './consumer.js';
import { outboxQueueName } from './names.js';
import type { OutboxJob } from './outbox-queue.js';
import { postpone, postponedMs } from './postpone.js';
import { openWorker } from './queue-worker.js';
import { RecordedDeath, RecordedFailure } from './recorded-failure.js';

/** The result of an attempt, as the row has it. `over`: nothing to do, because it is delivered or another process has it. */
export type DeliveryResult =
  | { outcome: 'delivered' | 'over' }
  | { outcome: 'failed'; delayMs: number }
  /** Its destination is busy: no attempt was made. */
  | { outcome: 'postponed'; delayMs: number }
  | { outcome: 'dead' };

export interface OutboxConsumerOptions {
  redisUrl: string;
  concurrency: number;
  /** Delivers one row and records the result. Throws if that can't be recorded. */
  deliver(job: OutboxJob): Promise<DeliveryResult>;
  onError(error: Error): void;
}

/** The jobs of dead effects that stay in the queue: at most `count`, each for at most `age` seconds. */
export const keptDeadJobs = { age: 30 * 86_400, count: 10_000 };

/** The worker of the outbox. Between attempts a job waits in Redis as long as its row says. Dead jobs stay visible. */
export function openOutboxConsumer(options: OutboxConsumerOptions): Pick<Consumer, 'close'> {
  const { worker, close } = openWorker<OutboxJob>(
    { redisUrl: options.redisUrl, queueName: outboxQueueName },
    async (job, token) => {
      if (job.data.v !== 1) return postpone(job, token, postponedMs.other);
      const result = await options.deliver(job.data).catch((error: unknown) => {
        options.onError(error as Error);
        const isOutage = error instanceof StoreUnavailableError;
        return postpone(job, token, isOutage ? postponedMs.outage : postponedMs.other);
      });
      if (result.outcome === 'postponed') return postpone(job, token, result.delayMs);
      if (result.outcome === 'failed') throw new RecordedFailure('delivery_failed', result.delayMs);
      if (result.outcome === 'dead') throw new RecordedDeath('delivery_failed');
    },
    {
      concurrency: options.concurrency,
      removeOnComplete: { count: 0 },
      removeOnFail: keptDeadJobs,
      settings: {
        backoffStrategy: (_attempt, _type, error) =>
          (error as RecordedFailure | undefined)?.delayMs ?? postponedMs.outage,
      },
    },
  );
  worker.on('error', options.onError);
  return { close };
}
