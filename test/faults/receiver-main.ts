import type { AcceptPorts } from '@semel/core';
import { encryptionKey } from '@semel/database';
import { providers } from '@semel/providers';
import { buildReceiver } from '@semel/receiver';
import { createLogger } from '@semel/telemetry';
import { readAppSettings, runFaultApp } from './fault-app.js';

/** The receiver's jobs carry this version, as a later release's would. */
const inVersion = (ports: AcceptPorts, v: number): AcceptPorts => ({
  ...ports,
  queue: { ...ports.queue, add: (event, backlog) => ports.queue.add({ ...event, v: v as 2 }, backlog) },
});

// A real receiver in its own process, with failpoints around its ports.

const settings = readAppSettings();

await runFaultApp(async (failpoints) => {
  const app = await buildReceiver({
    databaseUrl: settings.databaseUrl,
    redisUrl: settings.redisUrl,
    passwords: settings.passwords,
    encryptionKey: encryptionKey(Buffer.from(settings.encryptionKey, 'base64')),
    providers: providers.filter(({ name }) => settings.providers.includes(name)),
    attemptsOf: () => settings.attempts,
    publicBaseUrl: settings.publicBaseUrl,
    budgetMs: settings.budgetMs,
    redisCommandTimeoutMs: settings.budgetMs * 0.4,
    durabilityOf: ({ name }) => settings.durability[name] ?? 'queue',
    spillAgainAfterMs: settings.spillAgainAfterMs,
    breaker: { everyMs: 200, highWater: 0.7, backlogLimit: 100_000 },
    endpointRefreshMs: 500,
    deliveryFlushMs: 200,
    log: createLogger({ app: 'receiver', level: 'info' }),
    decorate: (ports, provider) => failpoints.aroundAccept(inVersion(ports, settings.jobVersion), provider),
  });
  await app.listen({ host: '127.0.0.1', port: settings.port });
  return app;
});
