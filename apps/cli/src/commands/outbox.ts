import { type Command, Option } from 'commander';
import { wholeNumber } from '../input/numbers.js';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { safeText } from '../output/safe-text.js';
import { type Cell, fields, table } from '../output/table.js';
import { withAdmin } from '../stores/with-admin.js';

interface Listed {
  status?: 'pending' | 'delivered' | 'dead';
  firm?: string;
  destination?: string;
  limit: number;
}

export function outbox(program: Command): void {
  const group = program.command('outbox').description('what handlers asked for outside of the database');

  group
    .command('list')
    .description('list the effects, the newest first')
    .addOption(new Option('--status <status>', 'only these').choices(['pending', 'delivered', 'dead']))
    .option('--firm <slug>', 'only of this firm')
    .option('--destination <name>', 'only for this destination or delivery')
    .option('--limit <n>', 'at most so many', wholeNumber(1, 10_000), 50)
    .addHelpText('after', example('semel outbox list --status dead'))
    .action(
      answering(async ({ firm, ...rest }: Listed) => {
        const filter = { ...rest, ...(firm === undefined ? {} : { firmSlug: firm }) };
        const rows = await withAdmin((admin) => admin.outbox.list(filter));
        const cells = rows.map((row) => columns.map((column) => row[column] as Cell));
        return { value: rows, text: table(titles, cells, 'The outbox has nothing of that kind.') };
      }),
    );

  group
    .command('show')
    .description('show one effect with its payload')
    .argument('<id>', 'its id in the list')
    .addHelpText('after', example('semel outbox show 0b0f…'))
    .action(
      answering(async (id: string) => {
        const row = await withAdmin((admin) => admin.outbox.show(id));
        const { payload, ...rest } = row;
        const shown = JSON.stringify(payload, null, 2).split('\n').map(safeText).join('\n');
        return { value: row, text: `${fields(rest as Record<string, Cell>)}\n\n${shown}` };
      }),
    );

  group
    .command('replay')
    .description('deliver one again, under the same id')
    .argument('<id>', 'its id in the list')
    .addHelpText('after', example('semel outbox replay 0b0f…'))
    .action(
      answering(async (id: string) => {
        const row = await withAdmin((admin) => admin.outbox.replay(id));
        return { value: row, text: `Due: a worker delivers it to ${safeText(String(row.destination))} now.` };
      }),
    );
}

const titles = ['ID', 'CREATED', 'FIRM', 'EFFECT', 'DESTINATION', 'STATUS', 'ATTEMPTS', 'ERROR'];
const columns = [
  'id',
  'createdAt',
  'firmSlug',
  'effectKey',
  'destination',
  'status',
  'attempts',
  'lastError',
];
