import type { PlainRow } from '@semel/database/admin';
import { type Command, Option } from 'commander';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { byId, type Listed, listing, listOptions } from '../output/listing.js';
import { safeText } from '../output/safe-text.js';
import { type Cell, fields } from '../output/table.js';
import { withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';

interface Asked extends Listed {
  status?: 'pending' | 'delivered' | 'dead';
  firm?: string;
  destination?: string;
}

export function outbox(program: Command): void {
  const group = program.command('outbox').description('what handlers asked for outside of the database');

  const list = group
    .command('list')
    .description('list the effects, the newest first')
    .addOption(new Option('--status <status>', 'only these').choices(['pending', 'delivered', 'dead']))
    .option('--firm <slug>', 'only of this firm')
    .option('--destination <name>', 'only for this destination or delivery');
  listOptions(list)
    .addHelpText('after', example('semel outbox list --status dead'))
    .action(
      listing<Asked, PlainRow, string>(({ firm, ndjson: _, limit: __, ...asked }) => {
        const filter = { ...asked, ...(firm === undefined ? {} : { firmSlug: firm }) };
        return {
          page: async (admin, after, limit) =>
            byId(await admin.outbox.list({ ...filter, limit, ...(after === null ? {} : { after }) }), limit),
          titles: ['ID', 'CREATED', 'FIRM', 'EFFECT', 'DESTINATION', 'STATUS', 'ATTEMPTS', 'ERROR'],
          cells: (row) => columns.map((column) => row[column] as Cell),
          empty: 'The outbox has nothing of that kind.',
        };
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
