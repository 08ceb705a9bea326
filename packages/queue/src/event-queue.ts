import type { EventQueue, Provider, QuarantineEntry, WebhookEvent } from '@semel/core';
import { type JobsOptions, Queue } from 'bullmq';
import { type ClaimStore, claimsOf } from './claims.js';
import { backlogKey, priorityOf } from './firm-backlog.js';
import { prefixOf, quarantineQueueName } from './names.js';
import { onRedis } from './redis.js';
import type { Redis } from './topology.js';

/**
 * Opens a BullMQ queue for a process that must go on while Redis is unreachable. It does not wait for the connection, nor check
 * the server's version: BullMQ would remember the first failure of either for ever.
 */
export function openQueue(redis: Redis, name: string): Queue {
  const queue = new Queue(name, {
    connection: redis,
    prefix: prefixOf(name),
    skipWaitingForReady: true,
    skipVersionCheck: true,
    skipMetasUpdate: true,
  });
  queue.on('error', () => undefined); // each call reports its own error
  return queue;
}

/** Removal is an option of the worker, not of the job, which saves memory in every job. */
export const jobOptions = (eventId: string, attempts: number, backlog = 0): JobsOptions => ({
  jobId: eventId,
  attempts,
  priority: priorityOf(backlog),
  backoff: { type: 'custom' },
  stackTraceLimit: 0,
});

export interface ProviderQueue {
  claims: ClaimStore;
  queue: EventQueue;
  close(): Promise<void>;
}

export interface ProviderQueueOptions {
  redis: Redis;
  provider: Provider;
  /** How many attempts may fail before the event is dead. */
  attempts: number;
}

/** Opens the producer's side of one provider: its claims and its queue. */
export function openProviderQueue({ redis, provider, attempts }: ProviderQueueOptions): ProviderQueue {
  const claims = claimsOf(redis, provider);
  const events = openQueue(redis, provider.name);
  const quarantined = openQueue(redis, quarantineQueueName);

  const add = async (event: WebhookEvent, backlog = 0) => {
    await onRedis(() => events.add(event.type, event, jobOptions(event.eventId, attempts, backlog)));
  };

  const queue: EventQueue = {
    add,
    async requeue(event) {
      const { claimFirmId, job, jobFirmId } = await claims.inspect(event);
      if ((claimFirmId ?? event.firmId) !== event.firmId || (jobFirmId ?? event.firmId) !== event.firmId)
        return 'foreign';
      if (job === 'alive') return 'alive';
      // Not `job.retry()`: that does not reset the stalled counter, so a job that stalled too often would fail again at once.
      if (job !== 'none') await onRedis(() => events.remove(event.eventId));
      await add(event, await onRedis(() => redis.hincrby(backlogKey(provider.name), event.firmId, 1)));
      return 'enqueued';
    },
    async addQuarantined(entry: QuarantineEntry) {
      const { provider: name, eventId, endpointId } = entry.event;
      await onRedis(() =>
        quarantined.add(entry.reason, entry, {
          jobId: `${name}~${eventId}~${endpointId}`,
          attempts: 1,
          removeOnComplete: true,
        }),
      );
    },
  };
  return {
    claims,
    queue,
    close: async () => {
      await Promise.allSettled([events.close(), quarantined.close()]);
    },
  };
}
