import {
  type Applied,
  type ApplyItem,
  type Provider,
  SemelError,
  StoreUnavailableError,
  type WebhookEvent,
} from '@semel/core';
import type { Job } from 'bullmq';
import { recordedReason } from './failed-jobs.js';
import { openFirmBacklog } from './firm-backlog.js';
import { postpone, postponedMs } from './postpone.js';
import { openWorker } from './queue-worker.js';
import { readEvent } from './read-event.js';
import { RecordedDeath, RecordedFailure } from './recorded-failure.js';
import { runUnlessStuck } from './stalled-jobs.js';
import type { Redis } from './topology.js';

export interface ConsumerOptions {
  redisUrl: string;
  /** For short commands, beside the consumer's own connection. */
  redis: Redis;
  provider: Provider;
  concurrency: number;
  /** Multiplies the provider's retry delays. */
  retryScale: number;
  /** How long a worker that has gone silent keeps its jobs; then they run elsewhere. Default: 30 s. */
  lockMs?: number | undefined;
  /**
   * Applies one event, or asks for it to be run again later. Throws if nothing was decided: `StoreUnavailableError` if other
   * events would fail as well.
   */
  run(item: ApplyItem): Promise<Applied | { postponeMs: number }>;
  /** Runs work while no other job is run alone in this process. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** Records that an event ended its workers too often to be run again. */
  onStuck(item: ApplyItem): Promise<Applied>;
  /** A job that BullMQ failed without running it to an end of ours. */
  onLost(event: WebhookEvent, attempt: number): void;
  /** A fault of ours: the queue should rest until it is over. */
  onOutage(error: StoreUnavailableError): void;
  onStalled(eventId: string): void;
  onError(error: Error): void;
}

export interface Consumer {
  pause(): void;
  resume(): void;
  /** Lets running jobs end, for so long; then lets go of them: they run again elsewhere. */
  close(timeoutMs: number): Promise<void>;
}

/** The worker of one provider's queue. */
export function openConsumer(options: ConsumerOptions): Consumer {
  const { provider, redis, retryScale, lockMs = 30_000 } = options;
  const backlog = openFirmBacklog(redis, provider.name);
  const { worker, close } = openWorker<WebhookEvent>(
    { redisUrl: options.redisUrl, queueName: provider.name },
    async (job, token) => {
      const event = readEvent(job.data);
      if (event === null) {
        options.onError(new SemelError('job_version_unknown', `job ${job.id} has version ${job.data.v}`));
        return postpone(job, token, postponedMs.other);
      }
      const attempt = job.attemptsMade + 1;
      const lastAttempt = attempt >= (job.opts.attempts ?? 1);
      const item = { event, attempt, lastAttempt };
      const applied = await runUnlessStuck(job, {
        run: () => options.run(item),
        alone: options.alone,
        onStuck: () => options.onStuck(item),
      }).catch((error: unknown) => {
        if (!(error instanceof StoreUnavailableError)) return postpone(job, token, postponedMs.other);
        options.onOutage(error);
        return postpone(job, token, postponedMs.outage);
      });
      if ('postponeMs' in applied) return postpone(job, token, applied.postponeMs);
      if (applied.outcome === 'failed') {
        // First attempts come before retries, and those of a firm with few jobs before those of one with many.
        await backlog
          .retryPriority(event.firmId)
          .then((priority) => job.changePriority({ priority }))
          .catch(options.onError);
        await dropBody(job, event).catch(options.onError);
        throw new RecordedFailure(recordedReason);
      }
      backlog.leave(event.firmId);
      if (applied.outcome === 'dead') {
        await dropBody(job, event).catch(options.onError);
        throw new RecordedDeath(recordedReason);
      }
      // A job kept under another firm's event would turn that firm's own deliveries into collisions.
      if (applied.outcome === 'quarantined') job.opts.removeOnComplete = true;
      return applied.outcome;
    },
    {
      concurrency: options.concurrency,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      removeOnComplete: { age: 600, count: 500 },
      removeOnFail: { age: 7 * 86_400, count: 1_000 },
      settings: {
        // BullMQ's own exponential backoff has neither a cap nor jitter.
        backoffStrategy: (attempt) =>
          Math.round(provider.retry.delayMs(attempt) * retryScale * (0.8 + Math.random() * 0.4)),
      },
    },
  );
  worker.on('failed', (job, error) => {
    const ours = error instanceof RecordedFailure || error instanceof RecordedDeath;
    const event = job === undefined || ours || job.finishedOn === undefined ? null : readEvent(job.data);
    if (event === null) return;
    backlog.leave(event.firmId);
    options.onLost(event, job?.attemptsMade ?? 0);
  });
  worker.on('stalled', options.onStalled);
  worker.on('error', options.onError);

  return {
    pause: () => void worker.pause(true).catch(options.onError),
    resume: () => worker.resume(),
    async close(timeoutMs) {
      await close(timeoutMs);
      await backlog.stop();
    },
  };
}

/** The ledger has the body of an event that failed: in Redis it would only take room until the next attempt. */
async function dropBody(job: Job, event: WebhookEvent): Promise<void> {
  if (!('stored' in event.body)) await job.updateData({ ...event, body: { stored: true } });
}
