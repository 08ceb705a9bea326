import type { EventDetail, Plain, PlainRow } from '@semel/database/admin';
import type { Command } from 'commander';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { safeText } from '../output/safe-text.js';
import { type Cell, fields, table } from '../output/table.js';
import { withAdmin } from '../stores/with-admin.js';

export function eventsShow(group: Command): void {
  group
    .command('show')
    .description('show one event: its ledger row, objects, deliveries, attempts and changes')
    .argument('<provider>', 'name of the provider, such as stripe')
    .argument('<eventId>', "event id in the ledger, or the provider's id of the event")
    .option('--body', 'include the exact body (--json always does)')
    .addHelpText('after', example('semel events show stripe evt_123'))
    .action(
      toAction(async (provider: string, eventId: string, { body }: { body?: true }) => {
        const detail = await withAdmin((admin) => admin.events.show(provider, eventId));
        return { value: detail, text: describe(detail, body === true) };
      }),
    );
}

function describe(detail: EventDetail, body: boolean) {
  const { event, linked, hints, deliveries, attempts, changes, quarantined } = detail;
  const { eventRaw, eventRawEncoding, eventData: _, ...row } = event;
  const sections = [
    fields(toCells(row)),
    ...hints.map((hint) => `Note: ${hint}`),
    ...Object.entries(linked).map(([column, object]) => `${column}\n${indent(fields(toCells(object)))}`),
    section('Deliveries beyond the first', deliveries, ['outcome', 'count', 'firstAt', 'lastAt', 'code']),
    section('Attempts', attempts, ['createdAt', 'attempt', 'outcome', 'error']),
    section('Changes', changes, ['appliedAt', 'entityType', 'entityId', 'change']),
    ...(quarantined.length === 0
      ? []
      : [section('In quarantine', quarantined, ['id', 'reason', 'receivedAt', 'resolution'])]),
    ...(body ? [`Body (${eventRawEncoding})\n${indent(showText(eventRaw))}`] : []),
  ];
  return sections.join('\n\n');
}

function section(title: string, rows: readonly PlainRow[], columns: readonly string[]): string {
  const shown = columns.filter((column) => rows.some((row) => column in row));
  const cells = rows.map((row) => shown.map((column) => toCell(row[column])));
  return `${title}\n${indent(table(shown, cells, 'none'))}`;
}

const toCells = (row: PlainRow): Record<string, Cell> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toCell(value)]));

const toCell = (value: Plain | undefined): Cell =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : value;

const indent = (text: string) => text.replaceAll(/^/gm, '  ');

const showText = (text: string) => text.split(/\r?\n/).map(safeText).join('\n');
