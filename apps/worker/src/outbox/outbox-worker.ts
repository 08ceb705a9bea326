import { awaitFirstConnection, repeat, SemelError } from '@semel/core';
import {
  claimOutboxRow,
  type EncryptionKey,
  listDueOutbox,
  markEnqueued,
  type OutboxResult,
  type OutboxRow,
  recordOutboxResult,
} from '@semel/database';
import type { DefinedDelivery } from '@semel/handlers';
import {
  type DeliveryResult,
  type OutboxJob,
  openOutboxConsumer,
  openOutboxQueue,
  type Redis,
} from '@semel/queue';
import type { Logger, Metrics } from '@semel/telemetry';
import { createPlaces } from '../places.js';
import { AnsweredError } from './answered-error.js';
import { deliverRow } from './deliver-row.js';
import { createDestinationBreakers } from './destination-breakers.js';
import { retryDelayMs } from './retry-delay.js';

export interface OutboxSettings {
  /** The most deliveries at the same time. */
  concurrency: number;
  /** How many attempts may fail before a row is dead. */
  attempts: number;
  /** Multiplies the delays between attempts. */
  retryScale: number;
  /** How long one attempt may take. */
  timeoutMs: number;
  /** True: destinations may have private addresses. */
  allowPrivate: boolean;
  /** How often to check for due rows. */
  pollMs: number;
  /** When to enqueue a row again that was enqueued and is still due: Redis may have lost its job. */
  againAfterMs: number;
}

export interface OutboxWorkerOptions extends OutboxSettings {
  pool: Parameters<typeof listDueOutbox>[0];
  key: EncryptionKey;
  redis: Redis;
  redisUrl: string;
  deliveries: readonly DefinedDelivery[];
  metrics: Metrics;
  log: Logger;
}

export interface OutboxWorker {
  /** Checks for due rows now. */
  wake(): void;
  close(timeoutMs: number): Promise<void>;
}

const rowsPerLook = 200;

/** The shares of the deliveries at one time that one destination, and one firm, may take. */
export const deliveryShares = { ofDestination: 1 / 4, ofFirm: 1 / 2 };

/** Enqueues due rows and delivers them. The rows are the source of truth; the queue only sets the pace. */
export function startOutboxWorker(options: OutboxWorkerOptions): OutboxWorker {
  const { pool, key, metrics, log, timeoutMs } = options;
  const queue = openOutboxQueue(options.redis);
  // Longer than an attempt and recording its result can take.
  const leaseMs = timeoutMs + 20_000;

  const breakers = createDestinationBreakers(options.retryScale);
  const places = {
    ofDestination: createPlaces(Math.ceil(options.concurrency * deliveryShares.ofDestination), 0),
    ofFirm: createPlaces(Math.ceil(options.concurrency * deliveryShares.ofFirm), 0),
  };

  /** Delivers a row if its destination can be reached and its firm and destination have a free place; else postpones it. */
  async function deliver(job: OutboxJob): Promise<DeliveryResult> {
    const { firmId } = job;
    const destination = `${firmId} ${job.destination ?? ''}`;
    const openMs = breakers.waitMs(destination);
    if (openMs > 0) return { outcome: 'postponed', delayMs: openMs + Math.round(Math.random() * 1_000) };
    if (!(await places.ofDestination.take(destination)))
      return { outcome: 'postponed', delayMs: places.ofDestination.postpone(destination) };
    const isFirmsTurn = await places.ofFirm.take(firmId);
    try {
      if (!isFirmsTurn) return { outcome: 'postponed', delayMs: places.ofFirm.postpone(firmId) };
      return await deliverClaimed(job, destination);
    } finally {
      places.ofDestination.giveBack(destination);
      if (isFirmsTurn) places.ofFirm.giveBack(firmId);
    }
  }

  async function deliverClaimed({ id, firmId }: OutboxJob, destination: string): Promise<DeliveryResult> {
    const row = await claimOutboxRow(pool, { id, firmId }, { leaseMs, key });
    if (row === null) return { outcome: 'over' };
    const startedMs = performance.now();
    const error: unknown = await deliverRow(row, options).then(
      () => null,
      (failure: unknown) => failure ?? new Error('the delivery threw nothing'),
    );
    breakers.ended(destination, error === null || !isUnreachable(error));
    const result = resultOf(row, error);
    await recordOutboxResult(pool, row, result);
    metrics.outboxSeconds((performance.now() - startedMs) / 1000);
    return observe(row, result, error);
  }

  function resultOf({ attempt }: OutboxRow, error: unknown): OutboxResult {
    if (error === null) return { status: 'delivered' };
    const text =
      error instanceof SemelError ? error.message : `delivery_failed: ${(error as Error).message ?? error}`;
    const answered = error instanceof AnsweredError ? error : null;
    if (answered?.isGone || attempt >= options.attempts) return { status: 'dead', error: text };
    const delayMs = retryDelayMs(attempt, options.retryScale, answered?.retryAfterMs);
    return { status: 'pending', delayMs, error: text };
  }

  function observe(row: OutboxRow, result: OutboxResult, err: unknown): DeliveryResult {
    const { id, firmId, destination, effectKey, provider, eventId, attempt } = row;
    const facts = { id, firmId, destination, effectKey, provider, eventId, attempt };
    if (result.status === 'delivered') {
      metrics.outboxDelivered('delivered');
      log.info(facts, 'outbox.delivered');
      return { outcome: 'delivered' };
    }
    if (result.status === 'dead') {
      metrics.outboxDelivered('dead');
      log.error({ ...facts, err }, 'outbox.dead');
      return { outcome: 'dead' };
    }
    metrics.outboxDelivered('failed');
    log.warn({ ...facts, err, retryInMs: result.delayMs }, 'outbox.failed');
    return { outcome: 'failed', delayMs: result.delayMs };
  }

  const connection = awaitFirstConnection();
  const looking = repeat(enqueueDue, {
    firstInMs: 0,
    everyMs: options.pollMs,
    onOutage: (err) => log.warn({ err }, 'outbox.waiting'),
  });

  async function enqueueDue(): Promise<number> {
    try {
      const due = await listDueOutbox(pool, { limit: rowsPerLook, againAfterMs: options.againAfterMs });
      await queue.add(due);
      await markEnqueued(pool, due); // if the process dies before this, the second add of the same job id adds nothing
      if (due.length > 0) connection.made(); // without rows Redis was not asked
      return due.length === rowsPerLook ? 0 : options.pollMs;
    } catch (error) {
      if (connection.isAwaited()) return options.pollMs;
      throw error;
    }
  }

  const consumer = openOutboxConsumer({
    redisUrl: options.redisUrl,
    concurrency: options.concurrency,
    deliver,
    onError: (err) => log.warn({ err, queue: 'outbox' }, 'queue.failed'),
  });
  return {
    wake: looking.wake,
    async close(limitMs) {
      await Promise.all([consumer.close(limitMs), looking.stop()]);
      await queue.close();
    },
  };
}

/** It gave no answer in time, or no connection could be made. Errors of our own making say nothing of the destination. */
const isUnreachable = (error: unknown): boolean =>
  (error instanceof SemelError && error.code === 'delivery_timeout') ||
  /^E(CONN|HOST|NET|TIMEDOUT|AI_AGAIN|NOTFOUND)/.test(String((error as { code?: unknown }).code ?? ''));
