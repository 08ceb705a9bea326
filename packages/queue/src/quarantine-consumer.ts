import { type QuarantineEntry, StoreUnavailableError } from '@semel/core';
import type { Consumer } from './consumer.js';
import { quarantineQueueName } from './names.js';
import { postpone, postponedMs } from './postpone.js';
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
        await postpone(job, token, postponedMs.outage);
      }
    },
    {},
  );
  worker.on('error', onError);
  return { close };
}
