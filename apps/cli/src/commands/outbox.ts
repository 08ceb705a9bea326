import type { PlainRow } from '@semel/database/admin';
import { type Command, Option } from 'commander';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { addListOptions, type ListOptions, pageById, toListAction } from '../output/listing.js';
import { safeText } from '../output/safe-text.js';
import { type Cell, fields } from '../output/table.js';
import { withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';

interface Options extends ListOptions {
  status?: 'pending' | 'delivered' | 'dead';
  firm?: string;
  destination?: string;
}

export function outbox(program: Command): void {
  const group = program.command('outbox').description('the effects that handlers asked for');

  const list = group
    .command('list')
    .description('list the effects, newest first')
    .addOption(
      new Option('--status <status>', 'only effects with this status').choices([
        'pending',
        'delivered',
        'dead',
      ]),
    )
    .option('--firm <slug>', 'only effects of this firm')
    .option('--destination <name>', 'only effects for this destination or delivery');
  addListOptions(list)
    .addHelpText('after', example('semel outbox list --status dead'))
    .action(
      toListAction<Options, PlainRow, string>(({ firm, ndjson: _, limit: __, ...options }) => {
        const filter = { ...options, ...(firm === undefined ? {} : { firmSlug: firm }) };
        return {
          page: async (admin, after, limit) =>
            pageById(
              await admin.outbox.list({ ...filter, limit, ...(after === null ? {} : { after }) }),
              limit,
            ),
          titles: ['ID', 'CREATED', 'FIRM', 'EFFECT', 'DESTINATION', 'STATUS', 'ATTEMPTS', 'ERROR'],
          cells: (row) => columns.map((column) => row[column] as Cell),
          empty: 'The outbox has nothing of that kind.',
        };
      }),
    );

  group
    .command('show')
    .description('show one effect with its payload')
    .argument('<id>', 'id of the effect')
    .addHelpText('after', example('semel outbox show 0b0f…'))
    .action(
      toAction(async (id: string) => {
        const row = await withAdmin((admin) => admin.outbox.show(id));
        const { payload, ...rest } = row;
        const shown = JSON.stringify(payload, null, 2).split('\n').map(safeText).join('\n');
        return { value: row, text: `${fields(rest as Record<string, Cell>)}\n\n${shown}` };
      }),
    );

  group
    .command('replay')
    .description('deliver one effect again, under the same id')
    .argument('<id>', 'id of the effect')
    .addHelpText('after', example('semel outbox replay 0b0f…'))
    .action(
      toAction(async (id: string) => {
        const row = await withAudit(
          { name: 'outbox replay', params: { id } },
          (admin) => admin.outbox.replay(id),
          ({ firmId }) => ({ firm: { id: String(firmId) } }),
        );
        return { value: row, text: `Due: a worker delivers it to ${safeText(String(row.destination))} now.` };
      }),
    );
}

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
