import type { PlainRow } from '@semel/database/admin';
import type { Command } from 'commander';
import { parseSince } from '../input/since.js';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { addListOptions, type ListOptions, pageById, toListAction } from '../output/listing.js';
import { safeText } from '../output/safe-text.js';
import { type Cell, fields } from '../output/table.js';
import { firmOf, withAudit } from '../stores/audited.js';
import { withAdmin } from '../stores/with-admin.js';
import { quarantineRelease } from './quarantine-release.js';

interface Options extends ListOptions {
  provider?: string;
  firm?: string;
  reason?: string;
  since?: Date;
  resolved?: true;
}

export function quarantine(program: Command): void {
  const group = program
    .command('quarantine')
    .description('authentic events that wait for a decision, because their firm is unknown or disputed');

  const list = group
    .command('list')
    .description('list the events that wait for a decision, newest first')
    .option('--provider <provider>', 'only events of this provider')
    .option('--firm <slug>', 'only events of this firm')
    .option('--reason <reason>', 'only this reason, such as account_unknown')
    .option('--since <time>', 'received since this time: ISO, or an age such as 15m, 2h, 3d', (text) =>
      parseSince(text),
    )
    .option('--resolved', 'list released and discarded events instead');
  addListOptions(list)
    .addHelpText(
      'after',
      example('semel quarantine list', 'semel quarantine list --reason account_unknown --since 1d'),
    )
    .action(
      toListAction<Options, PlainRow, string>(({ firm, ndjson: _, limit: __, ...options }) => {
        const filter = { ...options, ...(firm === undefined ? {} : { firmSlug: firm }) };
        return {
          page: async (admin, after, limit) =>
            pageById(
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
    .description('show one event with its exact body')
    .argument('<id>', 'id in the list')
    .addHelpText('after', example('semel quarantine show 12'))
    .action(
      toAction(async (id: string) => {
        const row = await withAdmin((admin) => admin.quarantine.show(id));
        const { eventRaw, ...rest } = row;
        const body = eventRaw.split(/\r?\n/).map(safeText).join('\n');
        return { value: row, text: `${fields(rest as Record<string, Cell>)}\n\n${body}` };
      }),
    );

  quarantineRelease(group);

  group
    .command('discard')
    .description('discard one event: it changes nothing, and its row stays')
    .argument('<id>', 'id in the list')
    .addHelpText('after', example('semel quarantine discard 12'))
    .action(
      toAction(async (id: string) => {
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
