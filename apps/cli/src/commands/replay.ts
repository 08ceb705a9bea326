import type { Settings } from '@semel/config';
import type { WebhookEvent } from '@semel/core';
import type { Admin, EventCursor, Requeue } from '@semel/database/admin';
import { type Command, Option } from 'commander';
import { pages } from '../bulk/pages.js';
import { runBulk } from '../bulk/run-bulk.js';
import { CliError, usageError } from '../cli-error.js';
import { positiveNumber } from '../input/numbers.js';
import { parseSince } from '../input/since.js';
import { type CommandResult, toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { describePlan } from '../output/plan.js';
import { withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';
import { withRequeue } from '../stores/with-requeue.js';

/** `final`: the event has its last outcome; another run would only be a duplicate. `foreign`: the queue has the id for another firm. */
type Result = 'enqueued' | 'alive' | 'final' | 'foreign';

interface Options {
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
    .description('run failed or dead events again, one or many; applied events stay as they are')
    .argument('[provider]', 'name of the provider, such as stripe')
    .argument('[eventId]', "event id in the ledger, or the provider's id of the event")
    .addOption(
      new Option('--outcome <outcome>', 'instead of one event: all events with this outcome').choices([
        'failed',
        'dead',
      ]),
    )
    .option('--provider <provider>', 'only events of this provider')
    .option('--firm <slug>', 'only events of this firm')
    .option('--type <type>', 'only this type')
    .option('--since <time>', 'received since this time: ISO, or an age such as 15m, 2h, 3d', (text) =>
      parseSince(text),
    )
    .option('--until <time>', 'received before this time', (text) => parseSince(text))
    .option('--dry-run', 'only show what would be replayed')
    .option('--rate <n>', `at most n per second (default: ${defaultRate})`, positiveNumber)
    .option('--yes', 'do not ask for confirmation')
    .addHelpText(
      'after',
      example(
        'semel replay stripe evt_123',
        'semel replay --outcome dead --provider stripe --since 3d --dry-run',
      ),
    )
    .action(
      toAction(
        async (
          provider: string | undefined,
          eventId: string | undefined,
          options: Options,
          command: Command,
        ) => {
          const { outcome } = options;
          if (outcome === undefined) return replayOne(provider, eventId, options);
          if (provider !== undefined)
            throw usageError('--outcome is for many events', 'name a provider with --provider');
          return replayMany({ ...options, outcome }, command.optsWithGlobals().json === true);
        },
      ),
    );
}

async function replayOne(
  provider: string | undefined,
  id: string | undefined,
  options: Options,
): Promise<CommandResult> {
  if (provider === undefined || id === undefined)
    throw usageError('say what to replay', 'give a provider and an event id, or --outcome');
  if (Object.keys(options).length > 0)
    throw usageError('these options are for many events', 'give --outcome, or leave them out');
  const {
    event: { eventId },
    result,
    outcome,
  } = await withAudit(
    { name: 'replay', params: { provider, eventId: id } },
    (admin, settings) =>
      withRequeue(settings, (requeue) => requeueOne(admin, requeue, { provider, eventId: id })),
    ({ event, outcome, result }) => ({ firm: { id: event.firmId }, result: { outcome, result } }),
  );
  if (result === 'foreign')
    throw new CliError(
      'event_foreign',
      `the queue holds "${eventId}" for another firm, so it was not replayed`,
      { advice: 'look for the event in quarantine' },
    );
  return { value: { provider, eventId, outcome, result }, text: describe(result, eventId, outcome) };
}

/** Reads the outcome again just before the run: the event may have been applied meanwhile. */
async function requeueOne(
  admin: Admin,
  requeue: Requeue,
  { provider, eventId }: Pick<EventCursor, 'provider' | 'eventId'>,
): Promise<{ event: WebhookEvent; outcome: string; result: Result }> {
  const { isFinal } = await import('@semel/core');
  const { event, outcome } = await admin.events.find(provider, eventId);
  const result = isFinal(outcome) ? 'final' : await requeue(event);
  return { event, outcome, result };
}

function replayMany(
  options: Options & { outcome: 'failed' | 'dead' },
  json: boolean,
): Promise<CommandResult> {
  const { outcome, provider, firm, type, since, until = new Date(), rate = defaultRate } = options;
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
          const { event, result } = await requeueOne(admin, requeue, item);
          return { firm: slugs.get(event.firmId) ?? event.firmId, result };
        },
        rate,
        dryRun: options.dryRun === true,
        yes: options.yes === true,
        json,
      }),
    );
  });
}

function describe(result: Exclude<Result, 'foreign'>, eventId: string, outcome: string): string {
  switch (result) {
    case 'enqueued':
      return `Enqueued ${eventId} (it was ${outcome}): a worker applies it now.`;
    case 'alive':
      return `${eventId} is in the queue already (last outcome: ${outcome}): a worker will run it again.`;
    case 'final':
      return `${eventId} is ${outcome} already, which is final: nothing was enqueued.`;
  }
}
