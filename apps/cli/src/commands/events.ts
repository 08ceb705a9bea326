import type { Command } from 'commander';
import { wholeNumber } from '../input/numbers.js';
import { parseSince } from '../input/since.js';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { table } from '../output/table.js';
import { withAdmin } from '../stores/with-admin.js';
import { eventsShow } from './events-show.js';

interface Asked {
  provider?: string;
  firm?: string;
  outcome?: string;
  since?: Date;
  limit: number;
}

export function events(program: Command): void {
  const group = program.command('events').description('the ledger: every event, once');
  group
    .command('list')
    .description('list events, the newest first')
    .option('--provider <provider>', 'only of this provider')
    .option('--firm <slug>', 'only of this firm')
    .option('--outcome <outcome>', 'only these: applied, stale, ignored, failed or dead')
    .option('--since <time>', 'received at this time or later: ISO, or 15m, 2h, 3d ago', (text) =>
      parseSince(text),
    )
    .option('--limit <n>', 'at most so many', wholeNumber(1, 10_000), 50)
    .addHelpText('after', example('semel events list --provider stripe --outcome dead --since 3d'))
    .action(
      answering(async ({ firm, ...rest }: Asked) => {
        const filter = { ...rest, ...(firm === undefined ? {} : { firmSlug: firm }) };
        const found = await withAdmin((admin) => admin.events.list(filter));
        const rows = found.map((event) => [
          event.receivedAt,
          event.provider,
          event.eventId,
          event.firmSlug,
          event.eventType,
          event.outcome,
          event.attempts,
          event.duplicateCount,
        ]);
        return { value: found, text: table(titles, rows, 'There is no such event.') };
      }),
    );
  eventsShow(group);
}

const titles = ['RECEIVED', 'PROVIDER', 'EVENT', 'FIRM', 'TYPE', 'OUTCOME', 'ATTEMPTS', 'DUPLICATES'];
