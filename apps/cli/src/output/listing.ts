import type { Admin } from '@semel/database/admin';
import type { Command } from 'commander';
import { usageError } from '../cli-error.js';
import { wholeNumber } from '../input/numbers.js';
import { withAdmin } from '../stores/with-admin.js';
import { type Cell, table } from './table.js';
import { writeOut } from './write-out.js';

export interface Page<Row, Cursor> {
  rows: readonly Row[];
  /** Where the next page begins; null: there is none. */
  next: Cursor | null;
}

/** A listing of any size: where its pages come from, and how a person sees a row. */
export interface Listing<Row, Cursor> {
  page(admin: Admin, after: Cursor | null, limit: number): Promise<Page<Row, Cursor>>;
  titles: readonly string[];
  cells(row: Row): readonly Cell[];
  /** All there is to say where there are no rows. */
  empty: string;
}

export interface Listed {
  limit?: number;
  ndjson?: true;
}

const pageSize = 500;
/** A table needs all of its rows at once, and nobody reads a longer one. */
const defaultLimit = 50;

export const listOptions = (command: Command): Command =>
  command
    .option(
      '--limit <n>',
      `at most so many; none given: ${defaultLimit}, or all with --ndjson`,
      wholeNumber(1, 1e12),
    )
    .option('--ndjson', 'print one JSON value a line, for pipes');

/** Makes a commander action of a listing: a table for people, one array with --json, lines with --ndjson. */
export const listing =
  <Asked extends Listed, Row, Cursor>(toListing: (asked: Asked) => Listing<Row, Cursor>) =>
  async (asked: Asked, command: Command): Promise<void> => {
    const json = command.optsWithGlobals().json === true;
    if (json && asked.ndjson) throw usageError('--json and --ndjson are two forms', 'give one of them');
    const found = toListing(asked);
    const limit = asked.limit ?? (asked.ndjson ? Number.POSITIVE_INFINITY : defaultLimit);
    await withAdmin(async (admin) => {
      const pages = pagesOf(found, admin, limit);
      if (asked.ndjson)
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

/** For rows that the id of the last one leads on from. */
export const byId = <Row extends { [key: string]: unknown }>(
  rows: readonly Row[],
  limit: number,
): Page<Row, string> => ({ rows, next: rows.length < limit ? null : String(rows.at(-1)?.id) });
