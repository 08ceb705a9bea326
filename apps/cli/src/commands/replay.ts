import type { Settings } from '@semel/config';
import type { Admin, EventCursor, Requeue } from '@semel/database/admin';
import { type Command, Option } from 'commander';
import { pages } from '../bulk/pages.js';
import { runBulk } from '../bulk/run-bulk.js';
import { CliError, usageError } from '../cli-error.js';
import { positiveNumber } from '../input/numbers.js';
import { parseSince } from '../input/since.js';
import { type Answer, answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { describePlan } from '../output/plan.js';
import { withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';
import { withRequeue } from '../stores/with-requeue.js';

/** `final`: it is in its last state, and another run would only be a duplicate. `foreign`: the queue has it for another firm. */
type Result = 'enqueued' | 'alive' | 'final' | 'foreign';

interface Asked {
  outcome?: 'failed' | 'dead';
  provider?: string;
  firm?: string;
  type?: string;
  since?: Date;
  until?: Date;
  dryRun?: true;
  rate?: number;
  yes?: true;
}

const defaultRate = 50;

export function replay(program: Command): void {
  program
    .command('replay')
    .description(
      'run events again that failed or died: one by its name, or many; what was applied stays as it is',
    )
    .argument('[provider]', 'such as stripe')
    .argument('[eventId]', 'as the ledger names it')
    .addOption(
      new Option('--outcome <outcome>', 'instead of one: all that ended like this').choices([
        'failed',
        'dead',
      ]),
    )
    .option('--provider <provider>', 'of them only those of this provider')
    .option('--firm <slug>', 'only of this firm')
    .option('--type <type>', 'only of this type')
    .option('--since <time>', 'received at this time or later: ISO, or 15m, 2h, 3d ago', (text) =>
      parseSince(text),
    )
    .option('--until <time>', 'received before this time', (text) => parseSince(text))
    .option('--dry-run', 'only say which they are')
    .option('--rate <n>', `at most so many a second; none given: ${defaultRate}`, positiveNumber)
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      example(
        'semel replay stripe evt_123',
        'semel replay --outcome dead --provider stripe --since 3d --dry-run',
      ),
    )
    .action(
      answering(
        async (provider: string | undefined, eventId: string | undefined, asked: Asked, command: Command) => {
          const { outcome } = asked;
          if (outcome === undefined) return replayOne(provider, eventId, asked);
          if (provider !== undefined)
            throw usageError('--outcome is for many events', 'name a provider with --provider');
          return replayMany({ ...asked, outcome }, command.optsWithGlobals().json === true);
        },
      ),
    );
}

async function replayOne(
  provider: string | undefined,
  eventId: string | undefined,
  asked: Asked,
): Promise<Answer> {
  if (provider === undefined || eventId === undefined)
    throw usageError('say what to replay', 'give a provider and an event id, or --outcome');
  if (Object.keys(asked).length > 0)
    throw usageError('these options are for many events', 'give --outcome, or leave them out');
  const { result, outcome } = await withAudit(
    { name: 'replay', params: { provider, eventId } },
    (admin, settings) =>
      withRequeue(settings, (requeue) => requeueOne(admin, requeue, { provider, eventId })),
    ({ firmId, outcome, result }) => ({ firm: { id: firmId }, result: { outcome, result } }),
  );
  if (result === 'foreign')
    throw new CliError(
      'event_foreign',
      `the queue holds "${eventId}" for another firm, so it was left alone`,
      { advice: 'look at the quarantine for a delivery of that firm' },
    );
  return { value: { provider, eventId, outcome, result }, text: describe(result, eventId, outcome) };
}

/** Looks once more at the moment of the run: what was applied meanwhile is final. */
async function requeueOne(
  admin: Admin,
  requeue: Requeue,
  { provider, eventId }: Pick<EventCursor, 'provider' | 'eventId'>,
): Promise<{ firmId: string; outcome: string; result: Result }> {
  const { isFinal } = await import('@semel/core');
  const { event, outcome } = await admin.events.find(provider, eventId);
  const result = isFinal(outcome) ? 'final' : await requeue(event);
  return { firmId: event.firmId, outcome, result };
}

function replayMany(asked: Asked & { outcome: 'failed' | 'dead' }, json: boolean): Promise<Answer> {
  const { outcome, provider, firm, type, since, until = new Date(), rate = defaultRate } = asked;
  const filter = {
    outcome,
    until,
    ...(provider === undefined ? {} : { provider }),
    ...(firm === undefined ? {} : { firmSlug: firm }),
    ...(type === undefined ? {} : { type }),
    ...(since === undefined ? {} : { since }),
  };
  return withAdmin(async (admin: Admin, settings: Settings) => {
    const plan = await admin.replayable.plan(filter);
    const slugs = new Map((await admin.firms.list()).map(({ id, slug }) => [id, slug]));
    return withRequeue(settings, (requeue) =>
      runBulk<EventCursor>(admin, settings, {
        name: 'replay',
        verb: 'Replay',
        params: { ...filter, until: until.toISOString(), since: since?.toISOString() ?? null },
        plan: {
          count: plan.count,
          firms: plan.firms.map(({ firmSlug }) => firmSlug),
          value: plan,
          text: describePlan(plan, `There is no ${outcome} event of that kind.`),
        },
        items: pages((after, limit) => admin.replayable.page(filter, after, limit)),
        async run(item) {
          const { firmId, result } = await requeueOne(admin, requeue, item);
          return { firm: slugs.get(firmId) ?? firmId, result };
        },
        rate,
        dryRun: asked.dryRun === true,
        yes: asked.yes === true,
        json,
      }),
    );
  });
}

function describe(result: Exclude<Result, 'foreign'>, eventId: string, outcome: string): string {
  switch (result) {
    case 'enqueued':
      return `Enqueued ${eventId} (it was ${outcome}): a worker runs it now.`;
    case 'alive':
      return `${eventId} is in the queue already (last outcome: ${outcome}): its next run comes by itself.`;
    case 'final':
      return `${eventId} is ${outcome} already, and that is final: nothing was enqueued, nothing changes.`;
  }
}
