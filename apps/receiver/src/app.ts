import { type AcceptPorts, type AckDurability, type Provider, RejectedError } from '@semel/core';
import {
  acceptStore,
  type DatabaseOptions,
  deliveryRecorder,
  endpointCache,
  endpointHealthRecorder,
  isMigrated,
  openPool,
} from '@semel/database';
import { checkRedisWhenReady, openProducerRedis, openProviderQueue, openRedisGate } from '@semel/queue';
import { createMetrics, type Logger, lookAtStores, registerHealth } from '@semel/telemetry';
import fastify, { type FastifyInstance, LogController } from 'fastify';
import { originForm } from './origin-form.js';
import { draining } from './plugins/draining.js';
import { webhooks } from './plugins/webhooks.js';
import { refuseConnection, sendProblem, toProblem } from './problem.js';

export interface ReceiverOptions extends DatabaseOptions {
  redisUrl: string;
  providers: readonly Provider[];
  /** A handler's errors until an event is dead. */
  attemptsOf(provider: Provider): number;
  publicBaseUrl: string;
  /** From the last byte of a body to the answer. */
  budgetMs: number;
  redisCommandTimeoutMs: number;
  /** What a 200 means. */
  durabilityOf(provider: Provider): AckDurability;
  /** When the relay looks at a copy of what the queue got as well: if it is there by then, the queue may have lost it. */
  spillAgainAfterMs: number;
  gate: GateSettings;
  endpointRefreshMs: number;
  deliveryFlushMs: number;
  log: Logger;
  /** The clock that signatures are judged by. */
  now?: () => number;
  /** Puts something around what `accept` calls: traces, or the places where the fault suite kills the process. */
  decorate?: (ports: AcceptPorts, provider: Provider) => AcceptPorts;
}

/** When Redis counts as too full to take more. */
export interface GateSettings {
  everyMs: number;
  /** Of `maxmemory`, 0 … 1. */
  highWater: number;
  /** Jobs that wait in one queue. */
  backlogLimit: number;
}

/** The receiver, ready to listen: verify, claim, enqueue, answer. Starts although a store is away. */
export async function buildReceiver(options: ReceiverOptions): Promise<FastifyInstance> {
  const { providers, log } = options;
  const metrics = createMetrics(
    'receiver',
    providers.map(({ name }) => name),
  );
  const pool = openPool({
    ...options,
    role: 'receiver',
    max: 10,
    connectTimeoutMs: options.budgetMs / 2,
    statementTimeoutMs: options.budgetMs * 0.75,
  });
  const redis = openProducerRedis(options.redisUrl, options.redisCommandTimeoutMs);
  checkRedisWhenReady(redis, {
    onWarning: (warning) => log.warn({ warning }, 'redis.unsafe'),
    onError: (err) => log.error({ err }, 'redis.unsuitable'),
  });
  const quiet = (event: string) => (error: unknown) => log.warn({ err: error }, event);
  const endpoints = endpointCache({
    pool,
    encryptionKey: options.encryptionKey,
    refreshMs: options.endpointRefreshMs,
    onError: quiet('endpoints.refreshFailed'),
  });
  const deliveries = deliveryRecorder({
    pool,
    providers,
    flushMs: options.deliveryFlushMs,
    onOtherBody: (event) => log.warn(event, 'duplicate.bodyDiffered'),
    onError: quiet('deliveries.flushFailed'),
  });
  const health = endpointHealthRecorder({
    pool,
    flushMs: 10 * options.deliveryFlushMs,
    onError: quiet('endpointHealth.flushFailed'),
  });
  const gate = openRedisGate({
    ...options.gate,
    redis,
    queues: providers.map(({ name }) => name),
    budgetMs: options.redisCommandTimeoutMs,
    onChange: (state, queue) => log[state === 'open' ? 'info' : 'warn']({ state, queue }, 'redis.gate'),
  });
  const queues = providers.map((provider) =>
    openProviderQueue({ redis, provider, attempts: options.attemptsOf(provider) }),
  );

  const store = acceptStore(pool, options);
  const { decorate = (ports) => ports } = options;
  const portsOf = (provider: Provider): AcceptPorts => {
    const { claims, queue } = queues[providers.indexOf(provider)] as (typeof queues)[number];
    const ports: AcceptPorts = {
      ...store,
      endpoints,
      gate: gate.of(provider.name),
      claims,
      queue,
      durability: options.durabilityOf(provider),
      publicBaseUrl: options.publicBaseUrl,
      now: options.now ?? Date.now,
    };
    return decorate(ports, provider);
  };

  const app = fastify({
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: 30_000,
    return503OnClosing: false, // see draining.ts
    routerOptions: { maxParamLength: 200 },
    rewriteUrl: ({ url = '/' }) => originForm(url),
    // What no route is asked for, such as an address that can't be decoded.
    clientErrorHandler: (_error, socket) => refuseConnection(socket),
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, toProblem(error)),
  });
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, toProblem(error)));
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, new RejectedError('unknown_endpoint')));
  draining(app);
  app.register(async (scope) =>
    webhooks(scope, { portsOf, providers, budgetMs: options.budgetMs, metrics, deliveries, health, log }),
  );
  registerHealth(app, {
    metrics,
    isReady: async () => {
      const stores = await lookAtStores({ isMigrated: () => isMigrated(pool), ping: () => redis.ping() });
      // Either store can take an event; an unmigrated database would only look like one.
      const ready = stores.postgres !== 'unmigrated' && (stores.postgres === 'up' || stores.redis === 'up');
      return { ready, checks: stores };
    },
  });
  app.addHook('onClose', async () => {
    gate.stop();
    await Promise.allSettled([
      endpoints.stop(),
      deliveries.stop(),
      health.stop(),
      ...queues.map((queue) => queue.close()),
    ]);
    redis.disconnect();
    await pool.end();
  });
  await endpoints.start();
  return app;
}
