import type { Command } from 'commander';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { loadNeeded } from '../stores/settings.js';
import { storeFailure } from '../stores/store-failure.js';

export function migrate(program: Command): void {
  program
    .command('migrate')
    .description('bring the database to this version; run it before the apps of a new version start')
    .option('--status', 'list what is pending, and change nothing')
    .addHelpText('after', example('semel migrate', 'semel migrate --status'))
    .action(answering((asked: { status?: true }) => (asked.status ? showPending() : applyPending())));
}

async function showPending() {
  const pending = await onOwner(({ listPending }, options) => listPending(options));
  return { value: { pending }, text: listed('Pending', pending, 'Nothing is pending.') };
}

async function applyPending() {
  const applied = await onOwner(({ migrate }, options) => migrate(options));
  return { value: { applied }, text: listed('Applied', applied, 'Nothing was pending.') };
}

type Migrations = typeof import('@semel/database/migrate');
type Options = Parameters<Migrations['migrate']>[0];

/** As the user of DATABASE_URL, who owns the schema: the apps' roles come with the first migration. */
async function onOwner<T>(work: (migrations: Migrations, options: Options) => Promise<T>): Promise<T> {
  const { databaseUrl, encryptionKey } = await loadNeeded(['databaseUrl', 'encryptionKey']);
  const [database, migrations] = await Promise.all([
    import('@semel/database'),
    import('@semel/database/migrate'),
  ]);
  try {
    return await work(migrations, { databaseUrl, encryptionKey: database.encryptionKey(encryptionKey) });
  } catch (error) {
    const fault = (database.toStoreError(error) as { code?: unknown }).code === 'store_unavailable';
    throw fault
      ? storeFailure({ title: 'PostgreSQL', variable: 'DATABASE_URL', url: databaseUrl }, error)
      : error;
  }
}

const listed = (title: string, names: readonly string[], none: string) =>
  names.length === 0 ? none : `${title}:\n${names.map((name) => `  ${name}`).join('\n')}`;
