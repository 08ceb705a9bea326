import {
  type Applied,
  type ApplyItem,
  type ApplyPorts,
  apply,
  type Body,
  type EventHandlers,
  idempotencyKey,
  type Provider,
  recordLost,
  type StoreUnavailableError,
  type Unrecorded,
  unrecorded,
  type WebhookEvent,
} from '@semel/core';
import { applyStore, type DeliveryRecorder } from '@semel/database';
import { type Consumer, claimsDone, openConsumer, type Redis, releaseClaims } from '@semel/queue';
import type { Logger, Metrics } from '@semel/telemetry';
import { grouped } from './group.js';

export interface ProviderWorkerOptions {
  provider: Provider;
  pool: Parameters<typeof applyStore>[0];
  redis: Redis;
  redisUrl: string;
  decorate: ((ports: ApplyPorts, provider: Provider) => ApplyPorts) | undefined;
  /** Jobs at work at the same time. */
  concurrency: number;
  retryScale: number;
  /** How long a worker that has gone silent keeps its jobs. */
  lockMs: number | undefined;
  handlers: EventHandlers;
  /** An event with handlers was committed: there may be something in the outbox. */
  onHandled(): void;
  deliveries: Pick<DeliveryRecorder, 'add'>;
  metrics: Metrics;
  log: Logger;
  /** An event of this provider moved an object. */
  onApplied(event: WebhookEvent): void;
  onOutage(error: StoreUnavailableError): void;
}

/** Bytes of bodies that one transaction takes. */
const groupBytes = 2 * 1024 * 1024;

/** A stored body is large, how large is not known: its event has a transaction for itself. */
function bodyWeight(body: Body): number {
  if ('utf8' in body) return body.utf8.length;
  return 'base64' in body ? body.base64.length : groupBytes;
}

/** Transactions at work at the same time, per provider: one commits while the next is gathered and sent. */
const groupsAtOnce = 2;
/** Events with handlers run alone; so many at the same time, per provider. Each holds a connection while its handlers run. */
export const handledAtOnce = 4;

/** The BullMQ worker of one provider: jobs in, groups through `apply`, outcomes seen. */
export function startProviderWorker(options: ProviderWorkerOptions): Consumer {
  const { provider, redis, log, metrics, decorate = (ports: ApplyPorts) => ports } = options;
  const name = provider.name;
  const bare: ApplyPorts = {
    provider,
    handlers: options.handlers,
    transaction: applyStore(options.pool, provider),
    claimsDone: (events) =>
      claimsDone(redis, provider, events).catch((err: unknown) =>
        log.warn({ err, provider: name }, 'claims.doneFailed'),
      ),
    claimsReleased: (events) =>
      releaseClaims(redis, provider, events).catch((err: unknown) =>
        log.warn({ err, provider: name }, 'claims.freeFailed'),
      ),
  };
  const ports = decorate(bare, provider);
  const lane = (maxSize: number, concurrency: number) =>
    grouped<ApplyItem, Applied | Unrecorded>({
      maxSize,
      concurrency,
      keyOf: ({ event }) => event.eventId,
      weightOf: ({ event }) => bodyWeight(event.body),
      maxWeight: groupBytes,
      run: (items) => apply(ports, items),
    });
  const applyGrouped = lane(Math.min(options.concurrency, 100), groupsAtOnce);
  // A lane of their own: no other event waits for a slow handler.
  const applyHandled = lane(1, handledAtOnce);

  async function run(item: ApplyItem): Promise<Applied> {
    const startedMs = performance.now();
    const handled = options.handlers.wants(item.event);
    const applied = await (handled ? applyHandled : applyGrouped)(item).catch(unrecorded);
    if (handled) options.onHandled();
    if (applied.outcome === null) {
      metrics.recordFailed(name);
      log.error({ err: applied.error, provider: name, eventId: item.event.eventId }, 'event.recordFailed');
      throw applied.error; // no attempt is spent, and no other event waits for it
    }
    metrics.applySeconds(name, (performance.now() - startedMs) / 1000);
    observe(item.event, applied);
    return applied;
  }

  function observe(event: WebhookEvent, { outcome, error, sameDelivery }: Applied): void {
    const facts = { provider: name, eventId: event.eventId, type: event.type, firmId: event.owner, outcome };
    metrics.applied(name, outcome);
    if (outcome === 'failed' || outcome === 'dead')
      return void log.error({ ...facts, err: error }, 'event.applyFailed');
    if (outcome === 'quarantined') return void log.warn(facts, 'event.quarantined');
    if (outcome === 'duplicate') {
      if (sameDelivery) return void log.debug(facts, 'event.twin');
      metrics.duplicate(name, 'ledger');
      options.deliveries.add({
        firmId: event.owner,
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
    if (outcome === 'applied') options.onApplied(event);
    metrics.endToEndSeconds(name, (Date.now() - event.receivedAtMs) / 1000);
    log.debug(facts, `event.${outcome}`);
  }

  return openConsumer({
    redisUrl: options.redisUrl,
    provider,
    concurrency: options.concurrency,
    retryScale: options.retryScale,
    lockMs: options.lockMs,
    run,
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
}
