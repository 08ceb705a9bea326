import { encryptionKey } from '@semel/database';
import { providers } from '@semel/providers';
import { createLogger } from '@semel/telemetry';
import { buildWorker } from '@semel/worker';
import { handlers } from './counting-handlers.js';
import { readAppSettings, runFaultApp } from './fault-app.js';
import { poisonable } from './poison.js';

// A real worker in its own process, with failpoints around its ports and rules that throw for poison events.

const settings = readAppSettings();

await runFaultApp(async (failpoints) => {
  const app = buildWorker({
    databaseUrl: settings.databaseUrl,
    redisUrl: settings.redisUrl,
    passwords: settings.passwords,
    encryptionKey: encryptionKey(Buffer.from(settings.encryptionKey, 'base64')),
    providers: providers
      .filter(({ name }) => settings.providers.includes(name))
      .map((provider) => poisonable(provider, settings.dir)),
    settingsOf: () => ({ concurrency: 32, retryScale: settings.retryScale, attempts: settings.attempts }),
    deliveryFlushMs: 200,
    shutdownTimeoutMs: 3_000,
    lockMs: settings.lockMs,
    statementTimeoutMs: settings.statementTimeoutMs,
    relay: {
      everyMs: 200,
      againAfterMs: settings.spillAgainAfterMs,
      leaseMs: 6_000,
      highWater: 0.7,
      backlogLimit: 100_000,
    },
    sweep: { everyMs: 3_000, graceMs: 10_000 },
    log: createLogger({ app: 'worker', level: 'info' }),
    handlers: { handlers, deliveries: [] },
    decorate: failpoints.aroundApply,
  });
  await app.listen({ host: '127.0.0.1', port: settings.port });
  return app;
});
