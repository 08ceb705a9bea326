import {
  type AppliedChange,
  type Entity,
  type EntityRef,
  entities,
  entityId,
  type PlannedChange,
  stubOrder,
} from '@semel/core';
import type { Query } from '../connection/pool.js';
import { derivePayments } from './derive-payments.js';
import { deriveRecipients } from './derive-recipients.js';
import { type EntityTable, tables } from './tables.js';

/** A change with the id of its row. */
interface Step {
  id: string;
  change: PlannedChange;
}

/**
 * Updates objects, each only if the change's guard is greater than the row's. Returns the changes that changed a row's
 * content. An event that repeats the content only moves the guard.
 *
 * Locks are taken in one order everywhere, so that transactions don't deadlock: kinds in the order of `entities`, rows of a
 * kind in the order of their ids. A row with several changes in a batch gets the later ones in later rounds, when it is
 * locked already. The columns of payments and recipients that depend on other rows are computed last.
 */
export async function upsertObjects(
  query: Query,
  changes: readonly PlannedChange[],
  withRows = false,
): Promise<AppliedChange[]> {
  const steps = [...changes, ...changes.flatMap(stubsOf)].map((change) => ({
    id: rowId(change),
    change,
  }));
  /** The changes that passed the guard, and those of them that changed a row's content. */
  const passed: AppliedChange[] = [];
  const changed: AppliedChange[] = [];
  const before = withRows ? await readRows(query, steps) : null;
  for (const entity of entities) {
    for (const round of rounds(steps.filter((step) => step.change.entity === entity))) {
      const { rows } = await query(upserts[entity], [JSON.stringify(round.map(toRow))]);
      const upserted = new Map((rows as UpsertedRow[]).map((row) => [row.id, row]));
      for (const { id, change } of round) {
        const row = upserted.get(id);
        if (row === undefined || isEmpty(change)) continue;
        passed.push({ change, entityId: id });
        if (row.changed_by === change.eventId && !tables[entity].isInternal)
          changed.push({
            change: row.moved_by === change.eventId ? change : lastingOf(change),
            entityId: id,
          });
      }
    }
  }
  const all = await deriveRecipients(query, passed, await derivePayments(query, passed, changed));
  if (before === null) return all;
  const after = await readRows(query, steps);
  return all.map((one) => ({
    ...one,
    before: before.get(one.entityId) ?? null,
    after: after.get(one.entityId) ?? {},
  }));
}

/** A row after its upsert: `moved_by` set its guard, `changed_by` last changed its content. */
interface UpsertedRow {
  id: string;
  moved_by: string;
  changed_by: string;
}

/** The change only creates a stub. */
const isEmpty = ({ order, refs, latest }: PlannedChange): boolean =>
  order.rank < 0 && refs === undefined && latest === undefined;

/** The part of a change that applies even if the event is late. */
function lastingOf(change: PlannedChange): PlannedChange {
  const { lasting = [] } = tables[change.entity];
  const only = <T>(values: Record<string, T>) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => lasting.includes(name)));
  return { ...change, fields: only(change.fields), ...(change.refs ? { refs: only(change.refs) } : {}) };
}

/** Locks the rows in the order of the upserts and returns them as JSON. A row that is being inserted elsewhere is missing. */
async function readRows(query: Query, steps: readonly Step[]): Promise<Map<string, Record<string, unknown>>> {
  const found = new Map<string, Record<string, unknown>>();
  for (const entity of entities) {
    const ids = idsOf(steps, entity);
    // A list of recipients also changes those who are missing from it.
    const envelopes = entity === 'recipient' ? envelopesOf(steps) : [];
    if (ids.length + envelopes.length === 0) continue;
    const { rows } = await query(
      `SELECT id, to_jsonb(t) - '{${internalColumns}}'::text[] AS row FROM ${tables[entity].table} t
       WHERE id = ANY ($1::uuid[]) ${envelopes.length > 0 ? 'OR envelope_id = ANY ($2::uuid[])' : ''} ORDER BY id FOR UPDATE`,
      envelopes.length > 0 ? [ids, envelopes] : [ids],
    );
    for (const { id, row } of rows as { id: string; row: Record<string, unknown> }[]) found.set(id, row);
  }
  return found;
}

const idsOf = (steps: readonly Step[], entity: Entity): string[] => [
  ...new Set(steps.filter(({ change }) => change.entity === entity).map(({ id }) => id)),
];

/** The envelopes with a list of recipients among the changes. */
const envelopesOf = (steps: readonly Step[]): string[] =>
  steps.flatMap(({ change: { entity, firmId, provider, refs } }) =>
    entity === 'recipient_list' && refs?.envelope_id ? [entityId(firmId, provider, refs.envelope_id)] : [],
  );

/** A part of another kind's row has that row's id. */
const rowId = (change: PlannedChange): string =>
  entityId(change.firmId, change.provider, {
    entity: tables[change.entity].partOf ?? change.entity,
    externalId: change.externalId,
  });

/** Stubs for referenced objects, which must exist before their own events arrive. */
function stubsOf({ firmId, provider, eventId, receivedAtMs, refs }: PlannedChange): PlannedChange[] {
  return Object.values(refs ?? {}).map((ref) => ({
    ...ref,
    firmId,
    provider,
    eventId,
    receivedAtMs,
    fields: {},
    order: stubOrder,
  }));
}

/** Puts the n-th step of each object in round n. A stub is created only if the object has no other step. */
function rounds(steps: readonly Step[]): Step[][] {
  const byId = new Map<string, Step[]>();
  for (const step of steps) {
    const own = byId.get(step.id);
    if (own === undefined) byId.set(step.id, [step]);
    else own.push(step);
  }
  const result: Step[][] = [];
  for (const own of byId.values()) {
    const real = own.filter(({ change }) => change.order.rank >= 0 || change.latest !== undefined);
    for (const [i, step] of (real.length > 0 ? real : own.slice(0, 1)).entries()) {
      const round = result[i];
      if (round === undefined) result[i] = [step];
      else round.push(step);
    }
  }
  return result;
}

function toRow({ id, change }: Step): Record<string, unknown> {
  const { firmId, provider, eventId, receivedAtMs, externalId, fields, order } = change;
  const { key, refs, stored = {}, guard = 'order' } = tables[change.entity];
  const row: Record<string, unknown> = { ...change.latest, id, firm_id: firmId, provider };
  for (const [name, value] of Object.entries(fields)) row[stored[name] ?? name] = value;
  for (const [column, value] of Object.entries(key)) row[column] = value(externalId);
  for (const column of Object.keys(refs)) row[column] = linkTo(firmId, provider, change.refs?.[column]);
  return {
    ...row,
    [`${guard}_rank`]: order.rank,
    [`${guard}_time`]: String(order.timeNs),
    [`${guard}_step`]: order.step,
    [`${guard}_received_at`]: new Date(receivedAtMs).toISOString(),
    [`${guard}_event`]: eventId,
    [`${guard}_changed_by`]: isEmpty(change) ? '' : eventId,
  };
}

const linkTo = (firmId: string, provider: string, ref: EntityRef | undefined) =>
  ref === undefined ? null : entityId(firmId, provider, ref);

/** The guard's columns in the order of comparison, then the event that last changed the row's content. */
const guardColumns = (guard: string): [string, string][] => [
  [`${guard}_rank`, 'bigint'],
  [`${guard}_time`, 'bigint'],
  [`${guard}_step`, 'bigint[]'],
  [`${guard}_received_at`, 'timestamptz'],
  [`${guard}_event`, 'text'],
  [`${guard}_changed_by`, 'text'],
];

/** The guarded upsert of many rows of one kind; no row may appear twice. */
function upsertOf(table: EntityTable): string {
  const { key, fields, stored = {}, refs, latest = [], lasting = [], internal = [] } = table;
  const { partOf, guard = 'order' } = table;
  const state: [string, string][] = [
    ...Object.entries(fields).map(([name, type]): [string, string] => [stored[name] ?? name, type]),
    ...Object.keys(refs).map((name): [string, string] => [name, 'uuid']),
  ];
  const columns: [string, string][] = [
    ['id', 'uuid'],
    ['firm_id', 'uuid'],
    ['provider', 'text'],
    ...Object.keys(key).map((name): [string, string] => [name, 'text']),
    ...state,
    ...latest.map((name): [string, string] => [name, 'timestamptz']),
    ...guardColumns(guard),
  ];
  const names = columns.map(([name]) => name).join(', ');
  const ofGuard = guardColumns(guard).slice(0, -1);
  const guardOf = (row: string) => `(${ofGuard.map(([name]) => `${row}.${name}`).join(', ')})`;
  const isNewer = `(excluded.${guard}_rank >= 0 AND ${guardOf('t')} < ${guardOf('excluded')})`;

  /** Columns that ignore the guard, with their new values. */
  const merged = [
    ...latest.map((name) => [name, `GREATEST(t.${name}, excluded.${name})`] as const),
    ...lasting.map((name) => [name, `LEAST(t.${name}, excluded.${name})`] as const),
  ];
  const replaced = state.map(([name]) => name).filter((name) => !lasting.includes(name));
  const differs = (name: string, value: string) => `t.${name} IS DISTINCT FROM ${value}`;
  const isMerged = merged.map(([name, value]) => differs(name, value));
  const compared = replaced.filter((name) => !internal.includes(name));
  const hasNewContent = [`t.${guard}_rank < 0`, ...compared.map((name) => differs(name, `excluded.${name}`))];
  const isChanged = [`(${isNewer} AND (${hasNewContent.join(' OR ')}))`, ...isMerged].join(' OR ');

  const set = [
    ...[...replaced, ...ofGuard.map(([name]) => name)].map((name) =>
      merged.length === 0
        ? `${name} = excluded.${name}`
        : `${name} = CASE WHEN ${isNewer} THEN excluded.${name} ELSE t.${name} END`,
    ),
    ...merged.map(([name, value]) => `${name} = ${value}`),
    `${guard}_changed_by = CASE WHEN ${isChanged} THEN excluded.${guard}_changed_by ELSE t.${guard}_changed_by END`,
    `updated_at = CASE WHEN ${isChanged} THEN now() ELSE t.updated_at END`,
  ];
  // The row of a part exists already; these NOT NULL columns only satisfy the INSERT.
  const [whole, ofWhole] = partOf ? [', order_rank, order_event', `, ${stubOrder.rank}, ''`] : ['', ''];
  return `
    INSERT INTO ${table.table} AS t (${names}${whole})
    SELECT ${names}${ofWhole} FROM jsonb_to_recordset($1::jsonb) AS r (${columns.map(([name, type]) => `${name} ${type}`).join(', ')})
    ORDER BY id
    ON CONFLICT (id) DO UPDATE SET ${set.join(', ')}
    WHERE ${[isNewer, ...isMerged].join(' OR ')}
    RETURNING id, ${guard}_event AS moved_by, ${guard}_changed_by AS changed_by`;
}

/** Columns that handlers don't see. */
const internalColumns = Object.values(tables).flatMap(
  ({ guard = 'order', isInternal, fields, stored = {} }) => [
    ...guardColumns(guard).map(([name]) => name),
    ...Object.values(stored),
    ...(isInternal ? Object.keys(fields) : []),
  ],
);

const upserts = Object.fromEntries(entities.map((entity) => [entity, upsertOf(tables[entity])])) as Record<
  Entity,
  string
>;
