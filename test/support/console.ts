import { buildConsole, type ConsoleOptions } from '@semel/console';
import { encryptionKey } from '@semel/database';
import { providers } from '@semel/providers';
import { createLogger } from '@semel/telemetry';
import { testEncryptionKey } from './servers.js';
import type { World } from './world.js';

/** The console of a test's world, in this process; it does not listen yet. */
export async function openConsole(
  t: { teardown(end: () => Promise<void>): void },
  { database, redisServer }: Pick<World, 'database' | 'redisServer'>,
  options: Partial<ConsoleOptions> = {},
) {
  const app = await buildConsole({
    databaseUrl: database.url,
    encryptionKey: encryptionKey(testEncryptionKey),
    redisUrl: redisServer.url,
    providers,
    password: 'not to be guessed',
    log: createLogger({ app: 'console', level: 'silent' }),
    ...options,
  });
  t.teardown(() => app.close());
  return app;
}
