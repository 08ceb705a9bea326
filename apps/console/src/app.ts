import cookie from '@fastify/cookie';
import type { Provider } from '@semel/core';
import { type DatabaseOptions, type EncryptionKey, isMigrated, openPool, readGauges } from '@semel/database';
import {
  openProducerRedis,
  openQueue,
  outboxQueueName,
  quarantineQueueName,
  readQueueStats,
} from '@semel/queue';
import { checkStores, createMetrics, type Logger, registerHealth } from '@semel/telemetry';
import fastify, { type FastifyInstance, LogController } from 'fastify';
import { createGauges } from './gauges.js';
import { createCredentialCheck } from './login/credentials.js';
import { createSessions } from './login/sessions.js';
import { board } from './plugins/board.js';
import { login } from './plugins/login.js';
import { requireLogin } from './plugins/require-login.js';
import { securityHeaders } from './plugins/security-headers.js';
import { sendProblem } from './problem.js';

export interface ConsoleOptions extends DatabaseOptions {
  encryptionKey: EncryptionKey;
  redisUrl: string;
  providers: readonly Provider[];
  /** The password of the user `admin`. */
  password: string;
  log: Logger;
  /** The clock for sessions and for the login throttle. */
  now?: () => number;
}

/** Builds the console, ready to listen: Bull Board and the gauges of all processes. Works even if a store is unreachable. */
export async function buildConsole(options: ConsoleOptions): Promise<FastifyInstance> {
  const { log, password, now = Date.now } = options;
  const providers = options.providers.map(({ name }) => name);
  const metrics = createMetrics('console', providers);
  const pool = openPool({
    ...options,
    role: 'console',
    max: 5,
    connectTimeoutMs: 1_000,
    statementTimeoutMs: 5_000,
  });
  const redis = openProducerRedis(options.redisUrl, 2_000);
  const queues = [...providers, quarantineQueueName, outboxQueueName].map((name) => openQueue(redis, name));
  const gauges = createGauges({
    metrics,
    providers,
    readQueue: (provider) => readQueueStats(redis, provider),
    readDatabase: () => readGauges(pool),
    log,
  });
  const guard = {
    sessions: createSessions(options.encryptionKey, password, now),
    check: createCredentialCheck(password, now, log),
  };

  const app = fastify({
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: 30_000,
    routerOptions: { maxParamLength: 500 },
  });
  app.setErrorHandler((error, _request, reply) => {
    const { statusCode = 500 } = error as { statusCode?: number };
    if (statusCode < 500) return sendProblem(reply, 'malformed');
    log.error({ err: error }, 'request.failed');
    return sendProblem(reply, 'internal');
  });
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, 'not_found'));
  securityHeaders(app);
  await app.register(cookie); // awaited: the next hook reads the cookies
  requireLogin(app, guard);
  app.addHook('onRequest', async ({ routeOptions }) => {
    if (routeOptions.url === '/metrics') await gauges.refresh();
  });
  app.register(async (scope) => login(scope, guard));
  app.register(async (scope) => board(scope, { queues, log }));
  registerHealth(app, {
    metrics,
    isReady: async () => {
      const stores = await checkStores({ isMigrated: () => isMigrated(pool), ping: () => redis.ping() });
      return { ready: stores.postgres === 'up' && stores.redis === 'up', checks: stores };
    },
  });
  app.addHook('onClose', async () => {
    await gauges.stop();
    await Promise.allSettled(queues.map((queue) => queue.close()));
    redis.disconnect();
    await pool.end();
  });
  gauges.start();
  return app;
}
