import { buildConsole, type ConsoleOptions } from '@semel/console';
import { encryptionKey } from '@semel/database';
import { providers } from '@semel/providers';
import { createLogger } from '@semel/telemetry';
import type { Harness } from './harness.js';
import { testEncryptionKey, testPasswords } from './servers.js';

/** The console over a test's harness, in this process; it does not listen yet. */
export async function openConsole(
  t: { teardown(end: () => Promise<void>): void },
  { database, redisServer }: Pick<Harness, 'database' | 'redisServer'>,
  options: Partial<ConsoleOptions> = {},
) {
  const app = await buildConsole({
    databaseUrl: database.url,
    passwords: { console: testPasswords.console },
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
