import type { Settings } from '@semel/config';
import type { Admin } from '@semel/database/admin';
import { CliError } from '../cli-error.js';
import { causeOf } from './cause-of.js';
import { loadNeeded } from './settings.js';
import { storeFailure } from './store-failure.js';

/** Runs `work` with what an operator can see and do, and closes the connections after it. */
export async function withAdmin<T>(work: (admin: Admin, settings: Settings) => Promise<T>): Promise<T> {
  const settings = await loadNeeded(['databaseUrl', 'encryptionKey']);
  const [{ encryptionKey }, { openAdmin }, { providers }] = await Promise.all([
    import('@semel/database'),
    import('@semel/database/admin'),
    import('@semel/providers'),
  ]);
  const { databaseUrl } = settings;
  const admin = openAdmin({ databaseUrl, encryptionKey: encryptionKey(settings.encryptionKey), providers });
  try {
    return await work(admin, settings);
  } catch (error) {
    throw isStoreFault(error)
      ? storeFailure({ title: 'PostgreSQL', variable: 'DATABASE_URL', url: databaseUrl }, error)
      : error;
  } finally {
    await admin.close().catch(() => undefined);
  }
}

/** By its code, or a login, a database, a table or a function that is not there yet. */
const isStoreFault = (error: unknown): boolean => {
  if (error instanceof CliError) return false; // it says already what it is, such as Redis
  const { code } = error as { code?: unknown };
  if (code === 'store_unavailable' || /^P1\d{3}$/.test(String(code))) return true;
  return /^(28|3D000|42)/.test(causeOf(error).code);
};
