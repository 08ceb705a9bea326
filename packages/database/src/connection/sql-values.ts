/** An ISO text for timestamptz; null if the provider's timestamp is missing or out of range. */
export const isoTime = (ms: number | null): string | null =>
  ms !== null && ms >= 0 && ms < 253_402_300_800_000 ? new Date(ms).toISOString() : null;

/** Text that Postgres can store: NUL is replaced. */
export const storable = (text: string | null): string | null => text?.replaceAll('\0', '\uFFFD') ?? null;

/** A column of a multi-row statement: its name, its SQL type, and the function that takes its value from a row. */
export type Column<Row> = readonly [name: string, type: string, value: (row: Row) => unknown];

/** One array per column, for unnest. */
export const columnwise = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): unknown[][] =>
  columns.map(([, , value]) => rows.map(value));
