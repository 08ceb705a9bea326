import { type Provider, type QuarantineEntry, SemelError, StoreUnavailableError } from '@semel/core';
import type { Consumer } from './consumer.js';
import { quarantineQueueName } from './names.js';
import { postpone, postponedMs } from './postpone.js';
import { openWorker } from './queue-worker.js';
import { readEvent } from './read-event.js';

export interface QuarantineConsumerOptions {
  redisUrl: string;
  providers: readonly Provider[];
  write(entry: QuarantineEntry): Promise<void>;
  onError(error: Error): void;
}

/** Writes the rows of deliveries that were quarantined while Postgres was unreachable. */
export function openQuarantineConsumer({
  redisUrl,
  providers,
  write,
  onError,
}: QuarantineConsumerOptions): Pick<Consumer, 'close'> {
  const { worker, close } = openWorker<QuarantineEntry>(
    { redisUrl, queueName: quarantineQueueName },
    async (job, token) => {
      const provider = providers.find(({ name }) => name === job.data.event.provider);
      const event = readEvent(provider ?? {}, job.data.event);
      if (event === null) {
        onError(new SemelError('job_version_unknown', `job ${job.id} has version ${job.data.event.v}`));
        return postpone(job, token, postponedMs.other);
      }
      try {
        await write({ ...job.data, event });
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
