import {
  type AppliedChange,
  type Entity,
  type EntityRef,
  entities,
  entityId,
  type PlannedChange,
  stubOrder,
} from '@semel/core';
import { derivePayments } from './derive-payments.js';
import { type EntityTable, tables } from './tables.js';

/** Runs one statement in the apply transaction. */
export type Query = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

/** A change with the id of its row. */
interface Step {
  id: string;
  change: PlannedChange;
}

/**
 * Moves objects forward, each only if the change's guard is greater than the row's. Returns the changes that moved one.
 *
 * Locks are taken in one order everywhere: kinds of objects in the order of `entities`, and of a kind the rows in the order
 * of their ids, so that two transactions can't wait for each other. A row that a batch touches twice is touched in a later
 * round, and is locked by then. What a payment's row says by other objects' rows is computed last.
 */
export async function applyChanges(
  query: Query,
  changes: readonly PlannedChange[],
  withRows = false,
): Promise<AppliedChange[]> {
  const steps = [...changes, ...changes.flatMap(stubsOf)].map((change) => ({
    id: rowId(change),
    change,
  }));
  const own = new Set(changes);
  const applied: AppliedChange[] = [];
  const before = withRows ? await readRows(query, steps) : null;
  for (const entity of entities) {
    for (const round of rounds(steps.filter((step) => step.change.entity === entity))) {
      const { rows } = await query(upserts[entity], [JSON.stringify(round.map(toRow))]);
      const moved = new Set((rows as { id: string }[]).map((row) => row.id));
      for (const { id, change } of round)
        if (moved.has(id) && own.has(change)) applied.push({ change, entityId: id });
    }
  }
  const moved = await derivePayments(query, applied);
  if (before === null) return moved;
  const after = await readRows(query, steps);
  return moved.map((one) => ({
    ...one,
    before: before.get(one.entityId) ?? null,
    after: after.get(one.entityId) ?? {},
  }));
}

/** The rows as JSON, locked in the order in which they are changed. One that another transaction is just making is not there. */
async function readRows(query: Query, steps: readonly Step[]): Promise<Map<string, Record<string, unknown>>> {
  const found = new Map<string, Record<string, unknown>>();
  for (const entity of entities) {
    const ids = new Set(steps.filter(({ change }) => change.entity === entity).map(({ id }) => id));
    if (ids.size === 0) continue;
    const { rows } = await query(
      `SELECT id, to_jsonb(t) - '{order_major,order_minor,order_event}'::text[] AS row
       FROM ${tables[entity].table} t WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
      [[...ids]],
    );
    for (const { id, row } of rows as { id: string; row: Record<string, unknown> }[]) found.set(id, row);
  }
  return found;
}

/** A part of a row has the row's id. */
const rowId = (change: PlannedChange): string =>
  entityId(change.firmId, change.provider, {
    entity: tables[change.entity].partOf ?? change.entity,
    externalId: change.externalId,
  });

/** An object that is referred to must exist: an empty one, until an event of its own arrives. */
function stubsOf({ firmId, provider, eventId, refs }: PlannedChange): PlannedChange[] {
  return Object.values(refs ?? {}).map((ref) => ({
    ...ref,
    firmId,
    provider,
    eventId,
    fields: {},
    order: stubOrder,
  }));
}

/** The n-th step of every object in the n-th round; creating an empty row is needed only where nothing else is done to it. */
function rounds(steps: readonly Step[]): Step[][] {
  const byId = new Map<string, Step[]>();
  for (const step of steps) byId.set(step.id, [...(byId.get(step.id) ?? []), step]);
  const result: Step[][] = [];
  for (const own of byId.values()) {
    const real = own.filter(({ change }) => change.order[0] >= 0 || change.latest !== undefined);
    for (const [i, step] of (real.length > 0 ? real : own.slice(0, 1)).entries())
      result[i] = [...(result[i] ?? []), step];
  }
  return result;
}

function toRow({ id, change }: Step): Record<string, unknown> {
  const { firmId, provider, eventId, externalId, fields, order } = change;
  const { key, refs, guard = 'order' } = tables[change.entity];
  const row: Record<string, unknown> = { ...fields, ...change.latest, id, firm_id: firmId, provider };
  for (const [column, value] of Object.entries(key)) row[column] = value(externalId);
  for (const column of Object.keys(refs)) row[column] = linkTo(firmId, provider, change.refs?.[column]);
  return { ...row, [`${guard}_major`]: order[0], [`${guard}_minor`]: order[1], [`${guard}_event`]: eventId };
}

const linkTo = (firmId: string, provider: string, ref: EntityRef | undefined) =>
  ref === undefined ? null : entityId(firmId, provider, ref);

/** The guarded upsert of one kind of object, over many rows, none of them twice. */
function upsertOf({ table, key, fields, refs, latest = [], partOf, guard = 'order' }: EntityTable): string {
  const state: [string, string][] = [
    ...Object.entries(fields),
    ...Object.keys(refs).map((name): [string, string] => [name, 'uuid']),
  ];
  const guards: [string, string][] = [
    [`${guard}_major`, 'bigint'],
    [`${guard}_minor`, 'bigint'],
    [`${guard}_event`, 'text'],
  ];
  const columns: [string, string][] = [
    ['id', 'uuid'],
    ['firm_id', 'uuid'],
    ['provider', 'text'],
    ...Object.keys(key).map((name): [string, string] => [name, 'text']),
    ...state,
    ...latest.map((name): [string, string] => [name, 'timestamptz']),
    ...guards,
  ];
  const names = columns.map(([name]) => name).join(', ');
  const ofGuard = (row: string) => `(${guards.map(([name]) => `${row}.${name}`).join(', ')})`;
  const isNewer = `excluded.${guard}_major >= 0 AND ${ofGuard('t')} < ${ofGuard('excluded')}`;
  const isLater = latest.map(
    (name) => ` OR excluded.${name} > t.${name} OR (t.${name} IS NULL AND excluded.${name} IS NOT NULL)`,
  );
  const replaced = [...state, ...guards].map(([name]) =>
    latest.length === 0
      ? `${name} = excluded.${name}`
      : `${name} = CASE WHEN ${isNewer} THEN excluded.${name} ELSE t.${name} END`,
  );
  const kept = latest.map((name) => `${name} = GREATEST(t.${name}, excluded.${name})`);
  // The row that a part belongs to is there already; these columns only have to be named.
  const [whole, ofWhole] = partOf
    ? [', order_major, order_minor, order_event', `, ${stubOrder[0]}, ${stubOrder[1]}, ''`]
    : ['', ''];
  return `
    INSERT INTO ${table} AS t (${names}${whole})
    SELECT ${names}${ofWhole} FROM jsonb_to_recordset($1::jsonb) AS r (${columns.map(([name, type]) => `${name} ${type}`).join(', ')})
    ORDER BY id
    ON CONFLICT (id) DO UPDATE SET ${[...replaced, ...kept].join(', ')}, updated_at = now()
    WHERE (${isNewer})${isLater.join('')}
    RETURNING id`;
}

const upserts = Object.fromEntries(entities.map((entity) => [entity, upsertOf(tables[entity])])) as Record<
  Entity,
  string
>;
