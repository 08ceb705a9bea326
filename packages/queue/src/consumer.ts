import {
  type Applied,
  type ApplyItem,
  type Provider,
  SemelError,
  StoreUnavailableError,
  type WebhookEvent,
} from '@semel/core';
import { DelayedError, type Job, UnrecoverableError } from 'bullmq';
import { recordedReason } from './failed-jobs.js';
import { openWorker } from './queue-worker.js';

export interface ConsumerOptions {
  redisUrl: string;
  provider: Provider;
  concurrency: number;
  /** Multiplies the provider's retry delays. */
  retryScale: number;
  /** How long a worker that has gone silent keeps its jobs; then they run elsewhere. Default: 30 s. */
  lockMs?: number | undefined;
  /** Applies one event. Throws where nothing was decided: `StoreUnavailableError` where the others would fare no better. */
  run(item: ApplyItem): Promise<Applied>;
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

/** Failures that are written down in the ledger already. What BullMQ keeps of them is only that, never the event's data. */
class RecordedFailure extends Error {}
class RecordedDeath extends UnrecoverableError {}

const knownVersion = 1;
/** A fault of ours costs no attempt, and the queue rests meanwhile: the job need not wait long. */
const outageDelayMs = 1_000;
/** Not even the failure could be written down: this event alone waits for someone to look. */
const undecidedDelayMs = 30_000;
const unknownVersionDelayMs = 30_000;

/** The worker of one provider's queue. */
export function openConsumer(options: ConsumerOptions): Consumer {
  const { provider, retryScale, lockMs = 30_000 } = options;
  const { worker, close } = openWorker<WebhookEvent>(
    { redisUrl: options.redisUrl, queueName: provider.name },
    async (job, token) => {
      if (job.data.v !== knownVersion) {
        options.onError(new SemelError('job_version_unknown', `job ${job.id} has version ${job.data.v}`));
        return postpone(job, token, unknownVersionDelayMs);
      }
      const attempt = job.attemptsMade + 1;
      const lastAttempt = attempt >= (job.opts.attempts ?? 1);
      const applied = await options.run({ event: job.data, attempt, lastAttempt }).catch((error: unknown) => {
        if (!(error instanceof StoreUnavailableError)) return postpone(job, token, undecidedDelayMs);
        options.onOutage(error);
        return postpone(job, token, outageDelayMs);
      });
      if (applied.outcome === 'failed') throw new RecordedFailure(recordedReason);
      if (applied.outcome === 'dead') throw new RecordedDeath(recordedReason);
      // A job kept under another firm's event would turn the true owner's own deliveries into collisions.
      if (applied.outcome === 'quarantined') job.opts.removeOnComplete = true;
      return applied.outcome;
    },
    {
      concurrency: options.concurrency,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      removeOnComplete: { age: 600, count: 500 },
      settings: {
        // BullMQ's own exponential backoff has neither a cap nor jitter.
        backoffStrategy: (attempt) =>
          Math.round(provider.retry.delayMs(attempt) * retryScale * (0.8 + Math.random() * 0.4)),
      },
    },
  );
  worker.on('failed', (job, error) => {
    const ours = error instanceof RecordedFailure || error instanceof RecordedDeath;
    if (job !== undefined && !ours && job.finishedOn !== undefined)
      options.onLost(job.data, job.attemptsMade);
  });
  worker.on('stalled', options.onStalled);
  worker.on('error', options.onError);

  return {
    pause: () => void worker.pause(true).catch(options.onError),
    resume: () => worker.resume(),
    close,
  };
}

async function postpone(job: Job, token: string | undefined, delayMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}
