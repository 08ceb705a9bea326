import type { Command } from 'commander';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { loadNeeded } from '../stores/settings.js';
import { storeFailure } from '../stores/store-failure.js';

export function migrate(program: Command): void {
  program
    .command('migrate')
    .description(
      "apply the pending migrations and set the passwords of the apps' roles; run it before the apps of a new version start",
    )
    .option('--status', 'list the pending migrations, and change nothing')
    .addHelpText('after', example('semel migrate', 'semel migrate --status'))
    .action(toAction((options: { status?: true }) => (options.status ? showPending() : applyPending())));
}

async function showPending() {
  const pending = await asOwner(({ listPending }, options) => listPending(options));
  return { value: { pending }, text: listed('Pending', pending, 'Nothing is pending.') };
}

async function applyPending() {
  const applied = await asOwner(({ migrate }, options) => migrate(options));
  return { value: { applied }, text: listed('Applied', applied, 'Nothing was pending.') };
}

type Migrations = typeof import('@semel/database/migrate');
type MigrationOptions = Parameters<Migrations['migrate']>[0];

/** Connects as the user of DATABASE_URL, who owns the schema. The first migration creates the apps' roles. */
async function asOwner<T>(
  work: (migrations: Migrations, options: MigrationOptions) => Promise<T>,
): Promise<T> {
  const { databaseUrl, databasePasswords: passwords } = await loadNeeded(['databaseUrl']);
  const [database, migrations] = await Promise.all([
    import('@semel/database'),
    import('@semel/database/migrate'),
  ]);
  try {
    return await work(migrations, { databaseUrl, passwords });
  } catch (error) {
    const isUnavailable = (database.toStoreError(error) as { code?: unknown }).code === 'store_unavailable';
    throw isUnavailable
      ? storeFailure({ title: 'PostgreSQL', variable: 'DATABASE_URL', url: databaseUrl }, error)
      : error;
  }
}

const listed = (title: string, names: readonly string[], none: string) =>
  names.length === 0 ? none : `${title}:\n${names.map((name) => `  ${name}`).join('\n')}`;
