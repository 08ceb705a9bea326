import { loadConfig } from '@semel/config';
import { encryptionKey } from '@semel/database';
import { providerNames, providers } from '@semel/providers';
import { chooseLogFormat, createLogger, startWatchdog } from '@semel/telemetry';
import closeWithGrace from 'close-with-grace';
import { buildReceiver } from './app.js';

const config = loadConfig(process.env, providerNames, 'receiver');
const log = createLogger({
  app: 'receiver',
  level: config.logLevel,
  format: chooseLogFormat(config.logFormat),
});

const watchdog = startWatchdog({ app: 'receiver', limitMs: config.watchdogLimitMs });
const app = await buildReceiver({
  databaseUrl: config.databaseUrl,
  passwords: config.databasePasswords,
  encryptionKey: encryptionKey(config.encryptionKey),
  redisUrl: config.redisUrl,
  providers,
  attemptsOf: ({ name, retry }) => config.ofProvider(name).attempts ?? retry.attempts,
  publicBaseUrl: config.publicBaseUrl,
  budgetMs: config.acceptBudgetMs,
  redisCommandTimeoutMs: config.redisCommandTimeoutMs,
  durabilityOf: ({ name }) => config.ofProvider(name).ackDurability,
  spillAgainAfterMs: config.spillAgainAfterMs,
  breaker: { everyMs: 250, highWater: config.redisHighWater, backlogLimit: config.queueBacklogLimit },
  bodyBudgetBytes: config.receiverBodyBytes,
  maxConnections: config.receiverMaxConnections,
  endpointRefreshMs: config.endpointRefreshMs,
  deliveryFlushMs: config.deliveryFlushMs,
  log,
});

const grace = closeWithGrace({ delay: config.shutdownTimeoutMs }, async ({ err }) => {
  if (err) log.fatal({ err }, 'receiver.crashed');
  await app.close();
  await watchdog.stop();
  log.info('receiver.stopped');
});
// If a supervisor started this process, stop with it, even if it crashed.
process.on('disconnect', () => void grace.close());

const address = await app.listen(config.receiver);
log.info({ listening: address }, 'receiver.started');
if (process.connected) process.send?.({ ready: true, address });
