import type { Admin, Requeue } from '@semel/database/admin';
import type { Command } from 'commander';
import { pages } from '../bulk/pages.js';
import { runBulk } from '../bulk/run-bulk.js';
import { usageError } from '../cli-error.js';
import { positiveNumber } from '../input/numbers.js';
import { type Answer, answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { describePlan } from '../output/plan.js';
import { safeText } from '../output/safe-text.js';
import { withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';
import { withRequeue } from '../stores/with-requeue.js';

interface Asked {
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
    .description('let one through for its own firm, or all that wait for an account that is mapped now')
    .argument('[id]', 'its number in the list')
    .option('--account <account>', 'instead of one: all that wait for this account')
    .option('--provider <provider>', 'whose account it is')
    .option('--dry-run', 'only say which they are')
    .option('--rate <n>', `at most so many a second; none given: ${defaultRate}`, positiveNumber)
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      example(
        'semel quarantine release 12',
        'semel quarantine release --provider stripe --account acct_123 --dry-run',
      ),
    )
    .action(
      answering(async (id: string | undefined, asked: Asked, command: Command) => {
        const { provider, account } = asked;
        if (id !== undefined) {
          if (Object.keys(asked).length === 0) return releaseOne(id);
          throw usageError('these options are for many rows', 'leave them out, or the number');
        }
        if (provider === undefined || account === undefined)
          throw usageError('say what to release', 'give a number, or --provider and --account');
        return releaseAll({ ...asked, provider, account }, command.optsWithGlobals().json === true);
      }),
    );
}

async function releaseOne(id: string): Promise<Answer> {
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
    text: `Released: a worker runs it now, as the ${provider} event ${safeText(eventId)}.`,
  };
}

function releaseAll(asked: Asked & { provider: string; account: string }, json: boolean): Promise<Answer> {
  const { provider, account, rate = defaultRate } = asked;
  const of = { provider, account };
  return withAdmin(async (admin, settings) => {
    const { firmSlug, count, types, oldest } = await admin.quarantine.waiting(of);
    const firms = count === 0 ? [] : [{ firmSlug, count }];
    const plan = { count, firms, types: types.map((type) => ({ provider, ...type })), oldest };
    return withRequeue(settings, (requeue) =>
      runBulk<string>(admin, settings, {
        name: 'quarantine release',
        verb: 'Release',
        params: of,
        plan: {
          count,
          firms: firms.map((firm) => firm.firmSlug),
          value: plan,
          text: describePlan(plan, 'Nothing in quarantine waits for this account.'),
        },
        items: pages((after, limit) => admin.quarantine.waitingIds(of, after, limit)),
        run: async (id) => ({ firm: firmSlug, result: await release(admin, requeue, id) }),
        rate,
        dryRun: asked.dryRun === true,
        yes: asked.yes === true,
        json,
      }),
    );
  });
}

/** What someone else has decided meanwhile, or what can't be let through, is no reason to stop. */
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
