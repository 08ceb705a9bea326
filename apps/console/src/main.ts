import { loadConfig, requireConsolePassword } from '@semel/config';
import { encryptionKey } from '@semel/database';
import { providerNames, providers } from '@semel/providers';
import { chooseLogFormat, createLogger, startWatchdog } from '@semel/telemetry';
import closeWithGrace from 'close-with-grace';
import { buildConsole } from './app.js';

const config = loadConfig(process.env, providerNames, 'console');
const log = createLogger({
  app: 'console',
  level: config.logLevel,
  format: chooseLogFormat(config.logFormat),
});

const watchdog = startWatchdog({ app: 'console', limitMs: config.watchdogLimitMs });
const app = await buildConsole({
  databaseUrl: config.databaseUrl,
  passwords: config.databasePasswords,
  encryptionKey: encryptionKey(config.encryptionKey),
  redisUrl: config.redisUrl,
  providers,
  password: requireConsolePassword(config),
  log,
});

const grace = closeWithGrace({ delay: config.shutdownTimeoutMs }, async ({ err }) => {
  if (err) log.fatal({ err }, 'console.crashed');
  await app.close();
  await watchdog.stop();
  log.info('console.stopped');
});
// If a supervisor started this process, stop with it, even if it crashed.
process.on('disconnect', () => void grace.close());

const address = await app.listen(config.console);
log.info({ listening: address }, 'console.started');
if (process.connected) process.send?.({ ready: true, address });
