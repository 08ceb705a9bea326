import { encryptionKey } from '@semel/database';
import { type Admin, openAdmin } from '@semel/database/admin';
import { providers } from '@semel/providers';
import { testEncryptionKey, testPasswords } from './servers.js';

/** The operators' functions on a test's database, until the end of the test. */
export function openTestAdmin(
  t: { teardown(end: () => Promise<void>): void },
  database: { url: string },
): Admin {
  const admin = openAdmin({
    databaseUrl: database.url,
    passwords: testPasswords,
    encryptionKey: encryptionKey(testEncryptionKey),
    providers,
  });
  t.teardown(() => admin.close());
  return admin;
}
