import type { Command } from 'commander';
import { wholeNumber } from '../input/numbers.js';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { safeText } from '../output/safe-text.js';
import { type Cell, fields, table } from '../output/table.js';
import { withAdmin } from '../stores/with-admin.js';
import { withRearm } from '../stores/with-rearm.js';

interface Listed {
  provider?: string;
  firm?: string;
  resolved?: true;
  limit: number;
}

export function quarantine(program: Command): void {
  const group = program.command('quarantine').description('authentic deliveries that nobody owns, or two do');

  group
    .command('list')
    .description('list what waits for a decision, the newest first')
    .option('--provider <provider>', 'only of this provider')
    .option('--firm <slug>', 'only of this firm')
    .option('--resolved', 'what was released or discarded instead')
    .option('--limit <n>', 'at most so many', wholeNumber(1, 10_000), 50)
    .addHelpText('after', example('semel quarantine list'))
    .action(
      answering(async ({ firm, ...rest }: Listed) => {
        const filter = { ...rest, ...(firm === undefined ? {} : { firmSlug: firm }) };
        const rows = await withAdmin((admin) => admin.quarantine.list(filter));
        const cells = rows.map((row) => columns.map((column) => row[column] as Cell));
        return { value: rows, text: table(titles, cells, 'Nothing is in quarantine.') };
      }),
    );

  group
    .command('show')
    .description('show one delivery with its exact body')
    .argument('<id>', 'its number in the list')
    .addHelpText('after', example('semel quarantine show 12'))
    .action(
      answering(async (id: string) => {
        const row = await withAdmin((admin) => admin.quarantine.show(id));
        const { eventRaw, ...rest } = row;
        const body = eventRaw.split(/\r?\n/).map(safeText).join('\n');
        return { value: row, text: `${fields(rest as Record<string, Cell>)}\n\n${body}` };
      }),
    );

  group
    .command('release')
    .description('let one through for its own firm')
    .argument('<id>', 'its number in the list')
    .addHelpText('after', example('semel quarantine release 12'))
    .action(
      answering(async (id: string) => {
        const { provider, eventId } = await withAdmin((admin, settings) =>
          withRearm(settings, (rearm) => admin.quarantine.release(id, rearm)),
        );
        return {
          value: { id: Number(id), provider, eventId, resolution: 'released' },
          text: `Released: a worker runs it now, as the ${provider} event ${safeText(eventId)}.`,
        };
      }),
    );

  group
    .command('discard')
    .description('decide that one shall change nothing; its row stays')
    .argument('<id>', 'its number in the list')
    .addHelpText('after', example('semel quarantine discard 12'))
    .action(
      answering(async (id: string) => {
        const row = await withAdmin((admin) => admin.quarantine.discard(id));
        return { value: row, text: `Discarded: ${safeText(String(row.eventId))} changes nothing.` };
      }),
    );
}

const titles = ['ID', 'RECEIVED', 'PROVIDER', 'EVENT', 'TYPE', 'FIRM', 'ACCOUNT', 'REASON', 'RESOLUTION'];
const columns = [
  'id',
  'receivedAt',
  'provider',
  'eventId',
  'eventType',
  'firmSlug',
  'account',
  'reason',
  'resolution',
];
