/** A row of the database as JSON can carry it. */
export type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };

/** Times become ISO texts, large integers texts, the rest stays. */
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

/** The same for a whole row. */
export const toPlainRow = (row: object): PlainRow => toPlain(row) as PlainRow;
