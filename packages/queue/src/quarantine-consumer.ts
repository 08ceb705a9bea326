import { type QuarantineEntry, StoreUnavailableError } from '@semel/core';
import { DelayedError, Worker } from 'bullmq';
import type { Consumer } from './consumer.js';
import { prefixOf, quarantineQueueName } from './names.js';
import { openConsumerRedis } from './redis.js';

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
  const redis = openConsumerRedis(redisUrl);
  const worker = new Worker<QuarantineEntry>(
    quarantineQueueName,
    async (job, token) => {
      try {
        await write(job.data);
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        await job.moveToDelayed(Date.now() + 1_000, token);
        throw new DelayedError();
      }
    },
    { connection: redis, prefix: prefixOf(quarantineQueueName), maxStalledCount: 1_000 },
  );
  worker.on('error', onError);
  return {
    close: async (timeoutMs) => {
      const forced = setTimeout(() => void worker.close(true).catch(() => undefined), timeoutMs);
      await worker.close().catch(() => undefined);
      clearTimeout(forced);
      redis.disconnect();
    },
  };
}
