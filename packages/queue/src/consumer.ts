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
  /** For short commands. The consumer opens its own connections as well. */
  redis: Redis;
  provider: Provider;
  concurrency: number;
  /** Multiplies the provider's retry delays. */
  retryScale: number;
  /** How long the jobs of a silent worker stay locked, in milliseconds; then another worker runs them. Default: 30 s. */
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
  /** Called for a job that BullMQ failed and whose failure is not recorded. */
  onLost(event: WebhookEvent, attempt: number): void;
  /** Called if a store failed: the queue should be paused until it is back. */
  onOutage(error: StoreUnavailableError): void;
  onStalled(eventId: string): void;
  onError(error: Error): void;
}

export interface Consumer {
  pause(): void;
  resume(): void;
  /** Waits for running jobs at most this long. Jobs that still run then are run again elsewhere. */
  close(timeoutMs: number): Promise<void>;
}

/** How long a job stays locked by a worker that gives no sign of life. */
export const jobLockMs = 30_000;

/** The finished jobs that stay in a queue: at most `count`, each for at most `age` seconds. */
export const keptJobs = { completed: { age: 600, count: 500 }, dead: { age: 7 * 86_400, count: 1_000 } };

/** The worker of one provider's queue. */
export function openConsumer(options: ConsumerOptions): Consumer {
  const { provider, redis, retryScale, lockMs = jobLockMs } = options;
  const backlog = openFirmBacklog(redis, provider.name);
  const { worker, close } = openWorker<WebhookEvent>(
    { redisUrl: options.redisUrl, queueName: provider.name },
    async (job, token) => {
      const event = readEvent(provider, job.data);
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
        // First attempts come before retries, and retries of firms with few jobs before those of firms with many.
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
      // A finished job under another firm's event id would turn that firm's own deliveries into collisions.
      if (applied.outcome === 'quarantined') job.opts.removeOnComplete = true;
      return applied.outcome;
    },
    {
      concurrency: options.concurrency,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      removeOnComplete: keptJobs.completed,
      removeOnFail: keptJobs.dead,
      settings: {
        // BullMQ's own exponential backoff has neither a cap nor jitter.
        backoffStrategy: (attempt) =>
          Math.round(provider.retry.delayMs(attempt) * retryScale * (0.8 + Math.random() * 0.4)),
      },
    },
  );
  worker.on('failed', (job, error) => {
    const ours = error instanceof RecordedFailure || error instanceof RecordedDeath;
    const event =
      job === undefined || ours || job.finishedOn === undefined ? null : readEvent(provider, job.data);
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

/** Removes the body of a failed event from its job, to save memory in Redis: the ledger has it. */
async function dropBody(job: Job, event: WebhookEvent): Promise<void> {
  if (!('stored' in event.body)) await job.updateData({ ...event, body: { stored: true } });
}
