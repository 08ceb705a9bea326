import { safeText } from './safe-text.js';

export type Cell = string | number | boolean | Date | null | undefined | readonly string[];

/** Aligned columns under a line of titles; `empty` if there are no rows. */
export function table(titles: readonly string[], rows: readonly (readonly Cell[])[], empty: string): string {
  if (rows.length === 0) return empty;
  const lines = [titles, ...rows.map((row) => row.map(showCell))];
  const widths = titles.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One line per value, with its name in front. */
export const fields = (values: Record<string, Cell>): string => {
  const width = Math.max(...Object.keys(values).map((name) => name.length));
  return Object.entries(values)
    .map(([name, value]) => `${name.padEnd(width)}  ${showCell(value)}`)
    .join('\n');
};

function showCell(value: Cell): string {
  if (value === null || value === undefined) return '-';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.length === 0 ? '-' : safeText(value.join(', '));
  return value === '' ? '-' : safeText(String(value));
}
