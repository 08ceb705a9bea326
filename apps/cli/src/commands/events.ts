import type { EventCursor, EventSummary } from '@semel/database/admin';
import type { Command } from 'commander';
import { parseSince } from '../input/since.js';
import { example } from '../output/example.js';
import { type Listed, listing, listOptions } from '../output/listing.js';
import { eventsShow } from './events-show.js';

interface Asked extends Listed {
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
  const group = program.command('events').description('the ledger: every event, once');
  const list = group
    .command('list')
    .description('list events, the newest first')
    .option('--provider <provider>', 'only of this provider')
    .option('--firm <slug>', 'only of this firm')
    .option('--outcome <outcome>', 'only these: applied, stale, ignored, failed or dead')
    .option('--type <type>', 'only of this type, such as invoice.paid')
    .option('--account <account>', "only of this account of the provider's")
    .option('--object <id>', "only those that changed the object with this id of the provider's")
    .option('--since <time>', 'received at this time or later: ISO, or 15m, 2h, 3d ago', (text) =>
      parseSince(text),
    )
    .option('--until <time>', 'received before this time', (text) => parseSince(text));
  listOptions(list)
    .addHelpText(
      'after',
      example(
        'semel events list --provider stripe --outcome dead --since 3d',
        'semel events list --firm acme --object in_123',
        'semel events list --ndjson | jq -r .eventId',
      ),
    )
    .action(
      listing<Asked, EventSummary, EventCursor>(({ firm, ndjson: _, limit: __, ...asked }) => {
        const filter = { ...asked, ...(firm === undefined ? {} : { firmSlug: firm }) };
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
