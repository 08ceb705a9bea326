import { type QuarantineEntry, StoreUnavailableError } from '@semel/core';
import { DelayedError } from 'bullmq';
import type { Consumer } from './consumer.js';
import { quarantineQueueName } from './names.js';
import { openWorker } from './queue-worker.js';

export interface QuarantineConsumerOptions {
  redisUrl: string;
  write(entry: QuarantineEntry): Promise<void>;
  onError(error: Error): void;
}

/** Writes the rows of deliveries that were quarantined while Postgres was away. */
export function openQuarantineConsumer({
  redisUrl,
  write,
  onError,
}: QuarantineConsumerOptions): Pick<Consumer, 'close'> {
  const { worker, close } = openWorker<QuarantineEntry>(
    { redisUrl, queueName: quarantineQueueName },
    async (job, token) => {
      try {
        await write(job.data);
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        await job.moveToDelayed(Date.now() + 1_000, token);
        throw new DelayedError();
      }
    },
    {},
  );
  worker.on('error', onError);
  return { close };
}
