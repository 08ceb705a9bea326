import { loadConfig } from '@semel/config';
import { encryptionKey } from '@semel/database';
import { providerNames, providers } from '@semel/providers';
import { chooseLogFormat, createLogger, startWatchdog } from '@semel/telemetry';
import closeWithGrace from 'close-with-grace';
import { buildWorker } from './app.js';
import { loadHandlers } from './handling/load-handlers.js';

const config = loadConfig(process.env, providerNames, 'worker');
const log = createLogger({
  app: 'worker',
  level: config.logLevel,
  format: chooseLogFormat(config.logFormat),
});

const watchdog = startWatchdog({ app: 'worker', limitMs: config.watchdogLimitMs });
const handlers = await loadHandlers(
  config.handlers,
  providers.map(({ name }) => name),
).catch((err: unknown) => {
  log.fatal({ err }, 'handlers.unusable');
  process.exit(1);
});

const app = buildWorker({
  databaseUrl: config.databaseUrl,
  passwords: config.databasePasswords,
  encryptionKey: encryptionKey(config.encryptionKey),
  redisUrl: config.redisUrl,
  providers,
  settingsOf: ({ name, retry }) => {
    const { concurrency, retryScale, attempts } = config.ofProvider(name);
    return { concurrency, retryScale, attempts: attempts ?? retry.attempts };
  },
  deliveryFlushMs: config.deliveryFlushMs,
  shutdownTimeoutMs: config.shutdownTimeoutMs,
  docusign: config.docusign,
  handlers,
  handlerTimeoutMs: config.handlerTimeoutMs,
  outbox: config.outbox,
  relay: {
    everyMs: config.spillPollMs,
    againAfterMs: config.spillAgainAfterMs,
    highWater: config.redisHighWater,
    backlogLimit: config.queueBacklogLimit,
  },
  sweep: { everyMs: config.sweepEveryMs, graceMs: config.sweepGraceMs },
  log,
});

const grace = closeWithGrace({ delay: config.shutdownTimeoutMs }, async ({ err }) => {
  if (err) log.fatal({ err }, 'worker.crashed');
  await app.close();
  await watchdog.stop();
  log.info('worker.stopped');
});
// Started by a supervisor: stops when the supervisor ends, however it ends.
process.on('disconnect', () => void grace.close());

const address = await app.listen(config.worker);
log.info({ listening: address, handlers: handlers.handlers.length }, 'worker.started');
if (process.connected) process.send?.({ ready: true, address });
