import type { EventCursor, EventSummary } from '@semel/database/admin';
import type { Command } from 'commander';
import { parseSince } from '../input/since.js';
import { example } from '../output/example.js';
import { addListOptions, type ListOptions, toListAction } from '../output/listing.js';
import { eventsShow } from './events-show.js';

interface Options extends ListOptions {
  provider?: string;
  firm?: string;
  outcome?: string;
  type?: string;
  account?: string;
  object?: string;
  since?: Date;
  until?: Date;
}

export function events(program: Command): void {
  const group = program.command('events').description('the ledger of all events');
  const list = group
    .command('list')
    .description('list events, newest first')
    .option('--provider <provider>', 'only events of this provider')
    .option('--firm <slug>', 'only events of this firm')
    .option('--outcome <outcome>', 'only this outcome: applied, stale, ignored, failed or dead')
    .option('--type <type>', 'only this type, such as invoice.paid')
    .option('--account <account>', "only this account (the provider's id)")
    .option('--object <id>', "only events that changed this object (the provider's id)")
    .option('--since <time>', 'received since this time: ISO, or an age such as 15m, 2h, 3d', (text) =>
      parseSince(text),
    )
    .option('--until <time>', 'received before this time', (text) => parseSince(text));
  addListOptions(list)
    .addHelpText(
      'after',
      example(
        'semel events list --provider stripe --outcome dead --since 3d',
        'semel events list --firm acme --object in_123',
        'semel events list --ndjson | jq -r .eventId',
      ),
    )
    .action(
      toListAction<Options, EventSummary, EventCursor>(({ firm, ndjson: _, limit: __, ...options }) => {
        const filter = { ...options, ...(firm === undefined ? {} : { firmSlug: firm }) };
        return {
          page: (admin, after, limit) =>
            admin.events.list({ ...filter, limit, ...(after === null ? {} : { after }) }),
          titles: ['RECEIVED', 'PROVIDER', 'EVENT', 'FIRM', 'TYPE', 'OUTCOME', 'ATTEMPTS', 'DUPLICATES'],
          cells: (event) => [
            event.receivedAt,
            event.provider,
            event.eventId,
            event.firmSlug,
            event.eventType,
            event.outcome,
            event.attempts,
            event.duplicateCount,
          ],
          empty: 'There is no such event.',
        };
      }),
    );
  eventsShow(group);
}
