import type { Provider } from '@semel/core';
import {
  type DatabaseOptions,
  deliveryRecorder,
  inFirms,
  insertQuarantine,
  isMigrated,
  openPool,
} from '@semel/database';
import { applyChanges } from '@semel/domain';
import { type DocusignCredentials, openEnvelopeReader } from '@semel/providers';
import { checkRedisWhenReady, openProducerRedis, openQuarantineConsumer } from '@semel/queue';
import { createMetrics, type Logger, lookAtStores, registerHealth } from '@semel/telemetry';
import fastify, { type FastifyInstance, LogController } from 'fastify';
import { createBreaker } from './breaker.js';
import { startEnvelopePoller } from './envelope-poller.js';
import { startProviderWorker } from './provider-worker.js';

export interface WorkerOptions extends DatabaseOptions {
  redisUrl: string;
  providers: readonly Provider[];
  settingsOf(provider: Provider): { concurrency: number; retryScale: number };
  deliveryFlushMs: number;
  shutdownTimeoutMs: number;
  /** With which DocuSign is asked for envelopes whose messages had no data; null: it is not asked. */
  docusign?: (DocusignCredentials & { timeoutMs?: number; everyMs?: number }) | null;
  log: Logger;
}

/** Starts a worker per provider, although a store may be away; the server that it returns has health and metrics. */
export function buildWorker(options: WorkerOptions): FastifyInstance {
  const { providers, log, redisUrl } = options;
  const metrics = createMetrics(
    'worker',
    providers.map(({ name }) => name),
  );
  const pool = openPool({
    ...options,
    role: 'worker',
    max: 12,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 10_000,
  });
  const redis = openProducerRedis(redisUrl, 5_000);
  checkRedisWhenReady(redis, {
    onWarning: (warning) => log.warn({ warning }, 'redis.unsafe'),
    onError: (err) => log.error({ err }, 'redis.unsuitable'),
  });
  const deliveries = deliveryRecorder({
    pool,
    providers,
    flushMs: options.deliveryFlushMs,
    onError: (err) => log.warn({ err }, 'deliveries.flushFailed'),
  });
  const breaker = createBreaker({
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
        applyChanges,
        log,
        everyMs: options.docusign.everyMs ?? 30_000,
      })
    : null;
  const workers = providers.map((provider) =>
    startProviderWorker({
      ...options.settingsOf(provider),
      provider,
      pool,
      redis,
      redisUrl,
      applyChanges,
      deliveries,
      metrics,
      log,
      onApplied: (event) => poller?.consider(event),
      onOutage: (err) => {
        log.warn({ err, provider: provider.name }, 'store.unavailable');
        breaker.trip();
      },
    }),
  );
  const quarantine = openQuarantineConsumer({
    redisUrl,
    write: (entry) =>
      inFirms(pool, { firmIds: entry.event.owner ? [entry.event.owner] : [], platform: true }, (query) =>
        insertQuarantine(query, entry),
      ),
    onError: (err) => log.warn({ err, queue: 'quarantine' }, 'queue.failed'),
  });

  const app = fastify({ logController: new LogController({ disableRequestLogging: true }) });
  registerHealth(app, {
    metrics,
    isReady: async () => {
      const stores = await lookAtStores({ isMigrated: () => isMigrated(pool), ping: () => redis.ping() });
      return { ready: stores.postgres === 'up' && stores.redis === 'up', checks: stores };
    },
  });
  app.addHook('onClose', async () => {
    breaker.stop();
    const timeoutMs = options.shutdownTimeoutMs * 0.7;
    const consumers = [...workers, quarantine, ...(poller === null ? [] : [poller])];
    await Promise.allSettled(consumers.map((consumer) => consumer.close(timeoutMs)));
    await deliveries.stop();
    redis.disconnect();
    await pool.end();
  });
  return app;
}
