import type { Admin, Requeue } from '@semel/database/admin';
import type { Command } from 'commander';
import { pages } from '../bulk/pages.js';
import { runBulk } from '../bulk/run-bulk.js';
import { usageError } from '../cli-error.js';
import { positiveNumber } from '../input/numbers.js';
import { type CommandResult, toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { describePlan } from '../output/plan.js';
import { safeText } from '../output/safe-text.js';
import { withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';
import { withRequeue } from '../stores/with-requeue.js';

interface Options {
  provider?: string;
  account?: string;
  dryRun?: true;
  rate?: number;
  yes?: true;
}

const defaultRate = 50;

export function quarantineRelease(group: Command): void {
  group
    .command('release')
    .description('release one event to its firm, or all events of an account that is mapped now')
    .argument('[id]', 'id in the list')
    .option('--account <account>', 'instead of an id: all events that wait for this account')
    .option('--provider <provider>', 'provider of the account')
    .option('--dry-run', 'only show what would be released')
    .option('--rate <n>', `at most n per second (default: ${defaultRate})`, positiveNumber)
    .option('--yes', 'do not ask for confirmation')
    .addHelpText(
      'after',
      example(
        'semel quarantine release 12',
        'semel quarantine release --provider stripe --account acct_123 --dry-run',
      ),
    )
    .action(
      toAction(async (id: string | undefined, options: Options, command: Command) => {
        const { provider, account } = options;
        if (id !== undefined) {
          if (Object.keys(options).length === 0) return releaseOne(id);
          throw usageError('these options are for many events', 'leave out the options, or the id');
        }
        if (provider === undefined || account === undefined)
          throw usageError('say what to release', 'give an id, or --provider and --account');
        return releaseAll({ ...options, provider, account }, command.optsWithGlobals().json === true);
      }),
    );
}

async function releaseOne(id: string): Promise<CommandResult> {
  const { provider, eventId } = await withAudit(
    { name: 'quarantine release', params: { id } },
    (admin, settings) => withRequeue(settings, (requeue) => admin.quarantine.release(id, requeue)),
    (event) => ({
      firm: { id: event.firmId },
      result: { provider: event.provider, eventId: event.eventId, resolution: 'released' },
    }),
  );
  return {
    value: { id: Number(id), provider, eventId, resolution: 'released' },
    text: `Released as the ${provider} event ${safeText(eventId)}: a worker applies it now.`,
  };
}

function releaseAll(
  options: Options & { provider: string; account: string },
  json: boolean,
): Promise<CommandResult> {
  const { provider, account, rate = defaultRate } = options;
  const mapping = { provider, account };
  return withAdmin(async (admin, settings) => {
    const { firmSlug, count, types, oldest } = await admin.quarantine.waiting(mapping);
    const firms = count === 0 ? [] : [{ firmSlug, count }];
    const plan = { count, firms, types: types.map((type) => ({ provider, ...type })), oldest };
    return withRequeue(settings, (requeue) =>
      runBulk<string>(admin, settings, {
        name: 'quarantine release',
        verb: 'Release',
        params: mapping,
        plan: {
          count,
          firms: firms.map((firm) => firm.firmSlug),
          value: plan,
          text: describePlan(plan, 'Nothing in quarantine waits for this account.'),
        },
        items: pages((after, limit) => admin.quarantine.waitingIds(mapping, after, limit)),
        run: async (id) => ({ firm: firmSlug, result: await release(admin, requeue, id) }),
        rate,
        dryRun: options.dryRun === true,
        yes: options.yes === true,
        json,
      }),
    );
  });
}

/** Continues after an event that was resolved meanwhile, or that can't be released. */
async function release(admin: Admin, requeue: Requeue, id: string): Promise<string> {
  try {
    await admin.quarantine.release(id, requeue);
    return 'released';
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'already_resolved' || code === 'event_id_taken') return code;
    throw error;
  }
}
