/** An ISO text for timestamptz, or null: a provider's time stamp may be any number. */
export const isoTime = (ms: number | null): string | null =>
  ms !== null && ms >= 0 && ms < 253_402_300_800_000 ? new Date(ms).toISOString() : null;

/** Text that Postgres can store: it has no NUL. */
export const storable = (text: string | null): string | null => text?.replaceAll('\0', '\uFFFD') ?? null;

/** A column of a statement over many rows: its name, its type, and how its value follows from a row. */
export type Column<Row> = readonly [name: string, type: string, value: (row: Row) => unknown];

/** Rows as one array per column, for unnest. */
export const columnwise = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): unknown[][] =>
  columns.map(([, , value]) => rows.map(value));
