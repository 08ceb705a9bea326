import type { Settings } from '@semel/config';
import type { Admin } from '@semel/database/admin';
import { CliError } from '../cli-error.js';
import { causeOf } from './cause-of.js';
import { loadNeeded } from './settings.js';
import { storeFailure } from './store-failure.js';

/** Runs `work` with the operator's side of the database, and closes the connections afterwards. */
export async function withAdmin<T>(work: (admin: Admin, settings: Settings) => Promise<T>): Promise<T> {
  const settings = await loadNeeded(['databaseUrl', 'encryptionKey']);
  const [{ encryptionKey }, { openAdmin }, { providers }] = await Promise.all([
    import('@semel/database'),
    import('@semel/database/admin'),
    import('@semel/providers'),
  ]);
  const { databaseUrl } = settings;
  const admin = openAdmin({
    databaseUrl,
    passwords: settings.databasePasswords,
    encryptionKey: encryptionKey(settings.encryptionKey),
    providers,
  });
  try {
    return await work(admin, settings);
  } catch (error) {
    throw isStoreFailure(error)
      ? storeFailure({ title: 'PostgreSQL', variable: 'DATABASE_URL', url: databaseUrl }, error)
      : error;
  } finally {
    await admin.close().catch(() => undefined);
  }
}

/** True if PostgreSQL is unreachable, or lacks the login, the database, a table or a function. */
const isStoreFailure = (error: unknown): boolean => {
  if (error instanceof CliError) return false; // already reported, such as a failure of Redis
  const { code } = error as { code?: unknown };
  if (code === 'store_unavailable' || /^P1\d{3}$/.test(String(code))) return true;
  return /^(28|3D000|42)/.test(causeOf(error).code);
};
