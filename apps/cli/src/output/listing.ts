import type { Admin } from '@semel/database/admin';
import type { Command } from 'commander';
import { usageError } from '../cli-error.js';
import { wholeNumber } from '../input/numbers.js';
import { withAdmin } from '../stores/with-admin.js';
import { type Cell, table } from './table.js';
import { writeOut } from './write-out.js';

export interface Page<Row, Cursor> {
  rows: readonly Row[];
  /** The cursor of the next page; null: this is the last one. */
  next: Cursor | null;
}

/** A list of any size: how to read a page, and how to print a row. */
export interface Listing<Row, Cursor> {
  page(admin: Admin, after: Cursor | null, limit: number): Promise<Page<Row, Cursor>>;
  titles: readonly string[];
  cells(row: Row): readonly Cell[];
  /** Printed if there are no rows. */
  empty: string;
}

export interface ListOptions {
  limit?: number;
  ndjson?: true;
}

const pageSize = 500;
/** A table is built in memory as a whole, and nobody reads a longer one. */
const defaultLimit = 50;

export const addListOptions = (command: Command): Command =>
  command
    .option(
      '--limit <n>',
      `list at most n (default: ${defaultLimit}, or all with --ndjson)`,
      wholeNumber(1, 1e12),
    )
    .option('--ndjson', 'print one JSON value per line');

/** Converts a listing into a commander action: prints a table, one array with --json, or lines with --ndjson. */
export const toListAction =
  <Options extends ListOptions, Row, Cursor>(createListing: (options: Options) => Listing<Row, Cursor>) =>
  async (options: Options, command: Command): Promise<void> => {
    const json = command.optsWithGlobals().json === true;
    if (json && options.ndjson)
      throw usageError('--json and --ndjson exclude each other', 'give one of them');
    const found = createListing(options);
    const limit = options.limit ?? (options.ndjson ? Number.POSITIVE_INFINITY : defaultLimit);
    await withAdmin(async (admin) => {
      const pages = pagesOf(found, admin, limit);
      if (options.ndjson)
        for await (const rows of pages)
          await writeOut(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      else if (json) await writeArray(pages);
      else {
        const all: Row[] = [];
        for await (const rows of pages) all.push(...rows);
        await writeOut(`${table(found.titles, all.map(found.cells), found.empty)}\n`);
      }
    });
  };

async function* pagesOf<Row, Cursor>(
  { page }: Listing<Row, Cursor>,
  admin: Admin,
  limit: number,
): AsyncGenerator<readonly Row[]> {
  let after: Cursor | null = null;
  for (let left = limit; left > 0; ) {
    const { rows, next }: Page<Row, Cursor> = await page(admin, after, Math.min(pageSize, left));
    yield rows;
    if (next === null) return;
    left -= rows.length;
    after = next;
  }
}

async function writeArray<Row>(pages: AsyncIterable<readonly Row[]>): Promise<void> {
  let before = '[';
  for await (const rows of pages) {
    if (rows.length === 0) continue;
    await writeOut(before + rows.map((row) => JSON.stringify(row)).join(','));
    before = ',';
  }
  await writeOut(before === '[' ? '[]\n' : ']\n');
}

/** A page of rows whose cursor is the id of the last row. */
export const pageById = <Row extends { [key: string]: unknown }>(
  rows: readonly Row[],
  limit: number,
): Page<Row, string> => ({ rows, next: rows.length < limit ? null : String(rows.at(-1)?.id) });
