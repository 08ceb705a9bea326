import type { PlainRow } from '@semel/database/admin';
import type { Command } from 'commander';
import { parseSince } from '../input/since.js';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { byId, type Listed, listing, listOptions } from '../output/listing.js';
import { safeText } from '../output/safe-text.js';
import { type Cell, fields } from '../output/table.js';
import { firmOf, withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';
import { quarantineRelease } from './quarantine-release.js';

interface Asked extends Listed {
  provider?: string;
  firm?: string;
  reason?: string;
  since?: Date;
  resolved?: true;
}

export function quarantine(program: Command): void {
  const group = program.command('quarantine').description('authentic deliveries that nobody owns, or two do');

  const list = group
    .command('list')
    .description('list what waits for a decision, the newest first')
    .option('--provider <provider>', 'only of this provider')
    .option('--firm <slug>', 'only of this firm')
    .option('--reason <reason>', 'only for this reason, such as account_unknown')
    .option('--since <time>', 'received at this time or later: ISO, or 15m, 2h, 3d ago', (text) =>
      parseSince(text),
    )
    .option('--resolved', 'what was released or discarded instead');
  listOptions(list)
    .addHelpText(
      'after',
      example('semel quarantine list', 'semel quarantine list --reason account_unknown --since 1d'),
    )
    .action(
      listing<Asked, PlainRow, string>(({ firm, ndjson: _, limit: __, ...asked }) => {
        const filter = { ...asked, ...(firm === undefined ? {} : { firmSlug: firm }) };
        return {
          page: async (admin, after, limit) =>
            byId(
              await admin.quarantine.list({ ...filter, limit, ...(after === null ? {} : { after }) }),
              limit,
            ),
          titles: ['ID', 'RECEIVED', 'PROVIDER', 'EVENT', 'TYPE', 'FIRM', 'ACCOUNT', 'REASON', 'RESOLUTION'],
          cells: (row) => columns.map((column) => row[column] as Cell),
          empty: 'Nothing is in quarantine.',
        };
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

  quarantineRelease(group);

  group
    .command('discard')
    .description('decide that one shall change nothing; its row stays')
    .argument('<id>', 'its number in the list')
    .addHelpText('after', example('semel quarantine discard 12'))
    .action(
      answering(async (id: string) => {
        const row = await withAudit(
          { name: 'quarantine discard', params: { id } },
          (admin) => admin.quarantine.discard(id),
          ({ firmId, provider, eventId }) => ({
            firm: typeof firmId === 'string' ? { id: firmId } : firmOf(null),
            result: { provider: provider ?? null, eventId: eventId ?? null, resolution: 'discarded' },
          }),
        );
        return { value: row, text: `Discarded: ${safeText(String(row.eventId))} changes nothing.` };
      }),
    );
}

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
