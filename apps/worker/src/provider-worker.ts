import {
  type Applied,
  type ApplyItem,
  type ApplyPorts,
  apply,
  type EventHandlers,
  idempotencyKey,
  isFailed,
  mostObjects,
  type Plan,
  type Provider,
  planEvent,
  recordLost,
  type StoreUnavailableError,
  type Unrecorded,
  unrecorded,
  type WebhookEvent,
} from '@semel/core';
import { applyStore, type DeliveryRecorder } from '@semel/database';
import type { BodyThread } from '@semel/providers';
import { type Consumer, claimsDone, openConsumer, type Redis, releaseClaims } from '@semel/queue';
import type { Logger, Metrics } from '@semel/telemetry';
import { createBatcher } from './batcher.js';
import { createPlaces } from './places.js';

export interface ProviderWorkerOptions {
  provider: Provider;
  /** Reads large bodies off the event loop. */
  bodyThread: Pick<BodyThread, 'reading'>;
  pool: Parameters<typeof applyStore>[0];
  redis: Redis;
  redisUrl: string;
  decorate: ((ports: ApplyPorts, provider: Provider) => ApplyPorts) | undefined;
  /** Jobs that run at the same time. */
  concurrency: number;
  retryScale: number;
  /** How long a silent worker's jobs stay locked, in milliseconds; then another worker runs them. */
  lockMs: number | undefined;
  handlers: EventHandlers;
  /** Called after an event with handlers: the outbox may have new rows. */
  onHandled(): void;
  deliveries: Pick<DeliveryRecorder, 'add'>;
  metrics: Metrics;
  log: Logger;
  /** Runs work while no other job is run alone in this process. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** Called after an event changed an object. */
  onApplied(event: WebhookEvent): void;
  onOutage(error: StoreUnavailableError): void;
}

export interface ProviderWorker extends Consumer {
  /** Applies an event that has no job. False: it must wait. Throws if nothing was decided. */
  applyNow(event: WebhookEvent): Promise<boolean>;
}

/** The limits of one transaction: events, bytes of bodies, and objects. */
export const transactionLimits = { events: 100, bytes: 2 * 1024 * 1024, objects: mostObjects };

/** The share of a transaction's limits that an event uses. A failed one has a transaction to itself. */
function weightOf(plan: Plan): number {
  if (isFailed(plan)) return 1;
  return Math.max(
    plan.body.length / transactionLimits.bytes,
    plan.changes.length / transactionLimits.objects,
  );
}

/** Above this share an event is heavy. Heavy events have their own lane, so that the others don't wait for them. */
const heavyWeight = 0.05;

/** Transactions that run at the same time, per provider: one commits while the next is filled and sent. */
export const transactionsAtOnce = 2;
/** Events whose handlers run at the same time, per provider. Each has its own transaction and connection. */
export const handledAtOnce = 4;
/** Those of one firm: one place is always left for other firms. */
export const handledOfFirmAtOnce = handledAtOnce - 1;
/** The share of a worker's places that slow jobs of one firm may take. */
export const slowShareOfFirm = 3 / 4;

/** Starts the BullMQ worker of one provider. Jobs that arrive together share a transaction; firms take turns. */
export function startProviderWorker(options: ProviderWorkerOptions): ProviderWorker {
  const { provider, redis, log, metrics, decorate = (ports: ApplyPorts) => ports } = options;
  const name = provider.name;
  const bare: ApplyPorts = {
    provider: options.bodyThread.reading(provider),
    handlers: options.handlers,
    transaction: applyStore(options.pool, provider),
    claimsDone: (events) =>
      claimsDone(redis, provider, events).catch((err: unknown) =>
        log.warn({ err, provider: name }, 'claims.doneFailed'),
      ),
    claimsReleased: (events) =>
      releaseClaims(redis, provider, events).catch((err: unknown) =>
        log.warn({ err, provider: name }, 'claims.releaseFailed'),
      ),
  };
  const ports = decorate(bare, provider);
  const openLane = (maxSize: number, concurrency: number, concurrencyOfFirm = concurrency) =>
    createBatcher<Plan, Applied | Unrecorded>({
      maxSize,
      concurrency,
      concurrencyOfFirm,
      keyOf: ({ item }) => item.event.eventId,
      firmOf: ({ item }) => item.event.firmId,
      weightOf,
      maxWeight: 1,
      run: (plans) => apply(ports, plans),
    });
  const mostEvents = Math.min(options.concurrency, transactionLimits.events);
  const applyLight = openLane(mostEvents, transactionsAtOnce);
  const applyHeavy = openLane(mostEvents, 1);
  const applyHandled = openLane(1, handledAtOnce, handledOfFirmAtOnce);

  const places = createPlaces(Math.ceil(options.concurrency * slowShareOfFirm));

  async function run(item: ApplyItem): Promise<Applied | { postponeMs: number }> {
    const startedMs = performance.now();
    const { firmId } = item.event;
    const handled = options.handlers.wants(item.event);
    const plan = await planEvent(ports, item);
    const isHeavy = weightOf(plan) > heavyWeight;
    const isSlow = handled || (isHeavy && !isFailed(plan));
    if (isSlow && !(await places.take(firmId))) return { postponeMs: places.postpone(firmId) };
    const lane = handled ? applyHandled : isHeavy ? applyHeavy : applyLight;
    const applied = await lane(plan)
      .catch(unrecorded)
      .finally(() => isSlow && places.giveBack(firmId));
    if (handled) options.onHandled();
    if (applied.outcome === null) {
      metrics.recordFailed(name);
      log.error({ err: applied.error, provider: name, eventId: item.event.eventId }, 'event.recordFailed');
      throw applied.error; // the job is postponed, and spends no attempt
    }
    metrics.applySeconds(name, (performance.now() - startedMs) / 1000);
    observe(item.event, applied);
    return applied;
  }

  function observe(event: WebhookEvent, { outcome, error, ignored, sameDelivery }: Applied): void {
    const facts = { provider: name, eventId: event.eventId, type: event.type, firmId: event.firmId, outcome };
    metrics.applied(name, outcome);
    if (outcome === 'failed' || outcome === 'dead')
      return void log.error({ ...facts, err: error }, 'event.applyFailed');
    if (outcome === 'quarantined') return void log.warn(facts, 'event.quarantined');
    if (outcome === 'duplicate') {
      if (sameDelivery) return void log.debug(facts, 'event.sameDelivery');
      metrics.duplicate(name, 'ledger');
      options.deliveries.add({
        firmId: event.firmId,
        provider: name,
        eventId: event.eventId,
        endpointId: event.endpointId,
        outcome,
        code: null,
        source: 'queue',
        bodySha256: provider.bodyChangesOnRetry ? null : event.sha256,
      });
      return void log.info(
        { ...facts, layer: 'ledger' },
        `Duplicate ${name} webhook event received: ${event.eventId}`,
      );
    }
    if (ignored === 'too_many_objects') {
      metrics.oversizedEvents(name);
      log.error(facts, 'event.tooManyObjects');
    }
    if (outcome === 'applied') options.onApplied(event);
    metrics.endToEndSeconds(name, (Date.now() - event.receivedAtMs) / 1000);
    log.debug(facts, `event.${outcome}`);
  }

  const consumer = openConsumer({
    redisUrl: options.redisUrl,
    redis,
    provider,
    concurrency: options.concurrency,
    retryScale: options.retryScale,
    lockMs: options.lockMs,
    run,
    alone: options.alone,
    onStuck: async ({ event, attempt }) => {
      const applied = await recordLost(ports, event, attempt, 'handler_stuck');
      if (applied.outcome === 'dead') metrics.stuckEvents(name);
      observe(event, applied);
      return applied;
    },
    onOutage: options.onOutage,
    onLost: (event, attempt) => {
      recordLost(ports, event, attempt).then(
        (applied) => observe(event, applied),
        (err: unknown) => {
          metrics.recordFailed(name);
          log.error({ err, provider: name, key: idempotencyKey(event) }, 'event.recordFailed');
        },
      );
    },
    onStalled: (eventId) => log.warn({ provider: name, eventId }, 'job.stalled'),
    onError: (err) => log.warn({ err, provider: name }, 'queue.failed'),
  });
  return {
    ...consumer,
    applyNow: async (event) => 'outcome' in (await run({ event, attempt: 1, lastAttempt: false })),
  };
}
