/** A value that JSON can represent. */
export type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };

/** Converts dates to ISO texts, and bigints to numbers, or to texts where they are not safe integers. */
export function toPlain(value: unknown): Plain {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toPlain(inner)]));
  return value as Plain;
}

export type PlainRow = { [key: string]: Plain };

/** The same for a database row. */
export const toPlainRow = (row: object): PlainRow => toPlain(row) as PlainRow;
