import { type AcceptPorts, type AckDurability, type Provider, RejectedError } from '@semel/core';
import {
  acceptStore,
  createEndpointCache,
  type DatabaseOptions,
  type EncryptionKey,
  isMigrated,
  openPool,
  startDeliveryRecorder,
  startEndpointHealthRecorder,
} from '@semel/database';
import { openBodyThread } from '@semel/providers';
import { checkRedisWhenReady, openProducerRedis, openProviderQueue, openRedisBreaker } from '@semel/queue';
import { checkStores, createMetrics, type Logger, registerHealth } from '@semel/telemetry';
import fastify, { type FastifyInstance, LogController } from 'fastify';
import { originForm } from './origin-form.js';
import { createBodyBudget } from './plugins/body-budget.js';
import { draining } from './plugins/draining.js';
import { openRefusalLog } from './plugins/refusal-log.js';
import { webhooks } from './plugins/webhooks.js';
import { refuseConnection, sendProblem, toProblem } from './problem.js';

export interface ReceiverOptions extends DatabaseOptions {
  encryptionKey: EncryptionKey;
  redisUrl: string;
  providers: readonly Provider[];
  /** Attempts after which an event is dead; those that fail because of an outage do not count. */
  attemptsOf(provider: Provider): number;
  publicBaseUrl: string;
  /** Time from the last byte of a request's body to the answer. */
  budgetMs: number;
  redisCommandTimeoutMs: number;
  /** Which stores hold the event when it is answered with 200. */
  durabilityOf(provider: Provider): AckDurability;
  /** When the relay checks the Postgres copy of a queued event: if it still exists by then, the queue may have lost the job. */
  spillAgainAfterMs: number;
  breaker: BreakerSettings;
  /** Bytes of large bodies at one time. Default: 64 MiB. */
  bodyBudgetBytes?: number;
  /** Connections at one time; more are closed at once. Default: 1,000. */
  maxConnections?: number;
  endpointRefreshMs: number;
  deliveryFlushMs: number;
  log: Logger;
  /** The clock that a signature's time is checked against. */
  now?: () => number;
  /** Wraps the ports of `accept`: for traces, or for the places where the fault suite kills the process. */
  decorate?: (ports: AcceptPorts, provider: Provider) => AcceptPorts;
}

/** When Redis counts as too full for new events. */
export interface BreakerSettings {
  everyMs: number;
  /** Share of `maxmemory`, 0 … 1. */
  highWater: number;
  /** Waiting jobs in one queue. */
  backlogLimit: number;
}

/** Limits of a request: the time for its headers and for all of it, and the characters of the endpoint's key in its path. */
export const requestLimits = { headersMs: 10_000, wholeMs: 15_000, keyCharacters: 200 };

/** Connections to Postgres, and the shares of the accept budget for getting one and for one statement. */
export const databaseLimits = { connections: 10, connectShare: 0.5, statementShare: 0.75 };

/** Builds the receiver, ready to listen: verify, claim, enqueue, answer. Works even if a store is unreachable. */
export async function buildReceiver(options: ReceiverOptions): Promise<FastifyInstance> {
  const { providers, log } = options;
  const metrics = createMetrics(
    'receiver',
    providers.map(({ name }) => name),
  );
  const pool = openPool({
    ...options,
    role: 'receiver',
    max: databaseLimits.connections,
    connectTimeoutMs: options.budgetMs * databaseLimits.connectShare,
    statementTimeoutMs: options.budgetMs * databaseLimits.statementShare,
  });
  const redis = openProducerRedis(options.redisUrl, options.redisCommandTimeoutMs);
  checkRedisWhenReady(redis, {
    onWarning: (warning) => log.warn({ warning }, 'redis.unsafe'),
    onError: (err) => log.error({ err }, 'redis.unsuitable'),
  });
  const quiet = (event: string) => (error: unknown) => log.warn({ err: error }, event);
  const endpoints = createEndpointCache({
    pool,
    encryptionKey: options.encryptionKey,
    refreshMs: options.endpointRefreshMs,
    onError: quiet('endpoints.refreshFailed'),
  });
  const deliveries = startDeliveryRecorder({
    pool,
    providers,
    flushMs: options.deliveryFlushMs,
    onDiffered: (what, event) => {
      metrics.duplicateDiffered(event.provider, what);
      log.warn(event, `duplicate.${what}Differed`);
    },
    onError: quiet('deliveries.flushFailed'),
  });
  const health = startEndpointHealthRecorder({
    pool,
    flushMs: 10 * options.deliveryFlushMs,
    onError: quiet('endpointHealth.flushFailed'),
  });
  const breaker = openRedisBreaker({
    ...options.breaker,
    redis,
    queues: providers.map(({ name }) => name),
    budgetMs: options.redisCommandTimeoutMs,
    onChange: (state, queue) => log[state === 'closed' ? 'info' : 'warn']({ state, queue }, 'redis.breaker'),
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
      breaker: breaker.of(provider.name),
      claims,
      queue,
      durability: options.durabilityOf(provider),
      publicBaseUrl: options.publicBaseUrl,
      now: options.now ?? Date.now,
    };
    return decorate(ports, provider);
  };

  const bodyThread = openBodyThread();
  const refusals = openRefusalLog(log);

  const app = fastify({
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: requestLimits.wholeMs,
    http: { headersTimeout: requestLimits.headersMs, connectionsCheckingInterval: 1_000 },
    return503OnClosing: false, // required by draining.ts
    routerOptions: { maxParamLength: requestLimits.keyCharacters },
    rewriteUrl: ({ url = '/' }) => originForm(url),
    clientErrorHandler: (_error, socket) => refuseConnection(socket),
    // Errors before routing, such as a URL that cannot be decoded.
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, toProblem(error)),
  });
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, toProblem(error)));
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, new RejectedError('unknown_endpoint')));
  draining(app);
  app.server.maxConnections = options.maxConnections ?? 1_000;
  app.register(async (scope) =>
    webhooks(scope, {
      portsOf,
      providers,
      budgetMs: options.budgetMs,
      metrics,
      deliveries,
      health,
      bodyBudget: createBodyBudget(options.bodyBudgetBytes ?? 64 * 1024 * 1024),
      bodyThread,
      refusals,
      log,
    }),
  );
  registerHealth(app, {
    metrics,
    isReady: async () => {
      const stores = await checkStores({ isMigrated: () => isMigrated(pool), ping: () => redis.ping() });
      // One store is enough to take an event, but an unmigrated database takes none.
      const ready = stores.postgres !== 'unmigrated' && (stores.postgres === 'up' || stores.redis === 'up');
      return { ready, checks: stores };
    },
  });
  app.addHook('onClose', async () => {
    breaker.stop();
    await Promise.allSettled([
      refusals.stop(),
      bodyThread.close(),
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
