import { type ApplyPorts, type Provider, recordLost } from '@semel/core';
import {
  applyStore,
  commitQuarantine,
  type DatabaseOptions,
  type EncryptionKey,
  isMigrated,
  openPool,
  openSweepLock,
  startDeliveryRecorder,
} from '@semel/database';
import { type DocusignCredentials, openBodyThread, openEnvelopeReader } from '@semel/providers';
import {
  checkRedisWhenReady,
  openProducerRedis,
  openProviderQueue,
  openQuarantineConsumer,
  openRedisBreaker,
} from '@semel/queue';
import { checkStores, createMetrics, type Logger, registerHealth } from '@semel/telemetry';
import fastify, { type FastifyInstance, LogController } from 'fastify';
import { createConsumerBreaker } from './consumer-breaker.js';
import { startEnvelopePoller } from './envelope-poller.js';
import { type Handlers, noHandlers } from './handling/load-handlers.js';
import { createEventHandlers } from './handling/run-handlers.js';
import { createMutex } from './mutex.js';
import { type OutboxSettings, startOutboxWorker } from './outbox/outbox-worker.js';
import { handledAtOnce, type ProviderWorker, startProviderWorker } from './provider-worker.js';
import { startRelay } from './relay.js';
import type { SweepSettings } from './sweeper/context.js';
import { startSweeper } from './sweeper/sweeper.js';

export interface WorkerOptions extends DatabaseOptions {
  encryptionKey: EncryptionKey;
  redisUrl: string;
  providers: readonly Provider[];
  settingsOf(provider: Provider): { concurrency: number; retryScale: number; attempts: number };
  deliveryFlushMs: number;
  shutdownTimeoutMs: number;
  /** How long the jobs of a silent worker stay locked; longer than any transaction lasts. Default: the queue's. */
  lockMs?: number;
  /** How long a statement, and an idle transaction, may last; well below `lockMs`. Default: 10 s. */
  statementTimeoutMs?: number;
  /** Credentials for reading envelopes whose messages had no data from DocuSign; null: they are not read. */
  docusign?: (DocusignCredentials & { timeoutMs?: number; everyMs?: number }) | null;
  /** The team's own handlers. Default: none. */
  handlers?: Handlers;
  handlerTimeoutMs?: number;
  outbox?: Partial<OutboxSettings>;
  relay: RelaySettings;
  sweep?: Partial<SweepSettings>;
  log: Logger;
  /** Wraps the ports of `apply`: for traces, or for tests that kill the process at a given step. */
  decorate?: (ports: ApplyPorts, provider: Provider) => ApplyPorts;
}

export interface RelaySettings {
  /** How often to check for spill rows while there are none. */
  everyMs: number;
  /** When a row whose event was enqueued is checked again: the queue may have lost the job. */
  againAfterMs: number;
  /** How long a worker reserves the rows that it enqueues. Default: 30 s. */
  leaseMs?: number;
  /** The share of Redis's `maxmemory`, 0 … 1, above which nothing is enqueued. */
  highWater: number;
  /** Jobs that wait in one queue: above it nothing is brought there. */
  backlogLimit: number;
}

const outboxDefaults: OutboxSettings = {
  concurrency: 16,
  attempts: 12,
  retryScale: 1,
  timeoutMs: 10_000,
  allowPrivate: false,
  pollMs: 1_000,
  againAfterMs: 60_000,
};

const sweepDefaults: SweepSettings = { everyMs: 30_000, graceMs: 300_000, pageSize: 200 };

const redisCommandTimeoutMs = 2_500;

/** Connections to Postgres without those of handlers, and its limits. */
export const databaseLimits = { connections: 14, connectTimeoutMs: 5_000, statementTimeoutMs: 10_000 };

/** Starts a worker per provider, even while a store is unreachable. Returns a server with health and metrics. */
export function buildWorker(options: WorkerOptions): FastifyInstance {
  const { providers, log, redisUrl, handlers: { handlers, deliveries: ways } = noHandlers } = options;
  const metrics = createMetrics(
    'worker',
    providers.map(({ name }) => name),
  );
  const pool = openPool({
    ...options,
    role: 'worker',
    max:
      databaseLimits.connections + handledAtOnce * new Set(handlers.map((handler) => handler.provider)).size,
    connectTimeoutMs: databaseLimits.connectTimeoutMs,
    statementTimeoutMs: options.statementTimeoutMs ?? databaseLimits.statementTimeoutMs,
  });
  const redis = openProducerRedis(redisUrl, redisCommandTimeoutMs);
  checkRedisWhenReady(redis, {
    onWarning: (warning) => log.warn({ warning }, 'redis.unsafe'),
    onError: (err) => log.error({ err }, 'redis.unsuitable'),
  });
  const deliveries = startDeliveryRecorder({
    pool,
    providers,
    flushMs: options.deliveryFlushMs,
    onDiffered: (what, event) => {
      metrics.duplicateDiffered(event.provider, what);
      log.warn(event, `duplicate.${what}Differed`);
    },
    onError: (err) => log.warn({ err }, 'deliveries.flushFailed'),
  });
  const consumerBreaker = createConsumerBreaker({
    probe: async () => {
      if (!(await isMigrated(pool))) throw new Error('migrations are pending');
    },
    everyMs: 500,
    onOpen: () => {
      log.warn('worker.paused');
      for (const worker of workers) worker.pause();
    },
    onClose: () => {
      log.info('worker.resumed');
      for (const worker of workers) worker.resume();
    },
  });
  const poller = options.docusign
    ? startEnvelopePoller({
        pool,
        reader: openEnvelopeReader(options.docusign, options.docusign),
        log,
        everyMs: options.docusign.everyMs ?? 30_000,
      })
    : null;
  const outbox = startOutboxWorker({
    ...outboxDefaults,
    ...options.outbox,
    pool,
    key: options.encryptionKey,
    redis,
    redisUrl,
    deliveries: ways,
    metrics,
    log,
  });
  const queues = new Map(
    providers.map((provider) => [
      provider.name,
      openProviderQueue({ redis, provider, attempts: options.settingsOf(provider).attempts }),
    ]),
  );
  // It has no poll: relay and sweeper call `check` before each pass.
  const { highWater, backlogLimit } = options.relay;
  const redisBreaker = openRedisBreaker({
    redis,
    queues: [...queues.keys()],
    budgetMs: redisCommandTimeoutMs,
    highWater,
    backlogLimit,
    onChange: (state, queue) => log[state === 'closed' ? 'info' : 'warn']({ state, queue }, 'redis.breaker'),
  });
  const workerOf = (name: string) =>
    workers[providers.findIndex((provider) => provider.name === name)] as ProviderWorker;
  const queueOf = (name: string) => queues.get(name) as ReturnType<typeof openProviderQueue>;
  const relay = startRelay({
    ...options.relay,
    pool,
    providers,
    queueOf: (name) => queueOf(name).queue,
    applyNow: (event) => workerOf(event.provider).applyNow(event),
    breaker: redisBreaker,
    metrics,
    log,
  });
  const sweep = { ...sweepDefaults, ...options.sweep };
  const sweeper = startSweeper({
    ...sweep,
    lock: openSweepLock({ ...options, idleMs: sweep.everyMs * 2 + 30_000 }),
    pool,
    redis,
    breaker: redisBreaker,
    providers,
    queueOf,
    recordLost: (provider, event, attempts) =>
      recordLost({ transaction: applyStore(pool, provider) }, event, attempts),
    metrics,
    log,
  });
  const bodyThread = openBodyThread();
  const alone = createMutex();
  const workers = providers.map((provider) =>
    startProviderWorker({
      bodyThread,
      alone,
      ...options.settingsOf(provider),
      lockMs: options.lockMs,
      provider,
      pool,
      redis,
      redisUrl,
      decorate: options.decorate,
      handlers: createEventHandlers({
        provider,
        handlers,
        timeoutMs: options.handlerTimeoutMs ?? 5_000,
        onSkipped: ({ name }, { event, outcome, ignored }) =>
          log.info(
            { handler: name, provider: provider.name, eventId: event.eventId, outcome, ignored },
            'handler.skipped',
          ),
      }),
      onHandled: outbox.wake,
      deliveries,
      metrics,
      log,
      onApplied: (event) => poller?.consider(event),
      onOutage: (err) => {
        log.warn({ err, provider: provider.name }, 'store.unavailable');
        consumerBreaker.trip();
      },
    }),
  );
  const quarantine = openQuarantineConsumer({
    redisUrl,
    providers,
    write: (entry) => commitQuarantine(pool, entry),
    onError: (err) => log.warn({ err, queue: 'quarantine' }, 'queue.failed'),
  });

  const app = fastify({ logController: new LogController({ disableRequestLogging: true }) });
  registerHealth(app, {
    metrics,
    isReady: async () => {
      const stores = await checkStores({ isMigrated: () => isMigrated(pool), ping: () => redis.ping() });
      return { ready: stores.postgres === 'up' && stores.redis === 'up', checks: stores };
    },
  });
  app.addHook('onClose', async () => {
    consumerBreaker.stop();
    await Promise.all([relay.stop(), sweeper.stop()]);
    redisBreaker.stop();
    const timeoutMs = options.shutdownTimeoutMs * 0.7;
    const consumers = [...workers, quarantine, outbox, ...(poller === null ? [] : [poller])];
    await Promise.allSettled(consumers.map((consumer) => consumer.close(timeoutMs)));
    await Promise.allSettled([
      bodyThread.close(),
      deliveries.stop(),
      ...[...queues.values()].map((queue) => queue.close()),
    ]);
    redis.disconnect();
    await pool.end();
  });
  return app;
}
