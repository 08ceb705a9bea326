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
 * Moves objects forward, each only if the change's guard is greater than the row's. Returns the changes that changed what a
 * row says: an event that finds the object exactly as it says only moves the guard.
 *
 * Locks are taken in one order everywhere: kinds of objects in the order of `entities`, and of a kind the rows in the order
 * of their ids, so that two transactions can't wait for each other. A row that a batch touches twice is touched in a later
 * round, and is locked by then. What a payment's or a recipient's row says by other rows is computed last.
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
  /** All that passed its guard, and of these what changed a row. */
  const passed: AppliedChange[] = [];
  const changed: AppliedChange[] = [];
  const before = withRows ? await readRows(query, steps) : null;
  for (const entity of entities) {
    for (const round of rounds(steps.filter((step) => step.change.entity === entity))) {
      const { rows } = await query(upserts[entity], [JSON.stringify(round.map(toRow))]);
      const touched = new Map((rows as Touched[]).map((row) => [row.id, row]));
      for (const { id, change } of round) {
        const row = touched.get(id);
        if (row === undefined || isEmpty(change)) continue;
        passed.push({ change, entityId: id });
        if (row.changed_by === change.eventId && !tables[entity].isNote)
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

/** A row after its upsert: the event that its guard is of, and the event that last changed what it says. */
interface Touched {
  id: string;
  moved_by: string;
  changed_by: string;
}

/** It only makes an empty row, which tells nobody anything. */
const isEmpty = ({ order, refs, latest }: PlannedChange): boolean =>
  order.rank < 0 && refs === undefined && latest === undefined;

/** What a late event brings all the same. */
function lastingOf(change: PlannedChange): PlannedChange {
  const { lasting = [] } = tables[change.entity];
  const only = <T>(values: Record<string, T>) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => lasting.includes(name)));
  return { ...change, fields: only(change.fields), ...(change.refs ? { refs: only(change.refs) } : {}) };
}

/** The rows as JSON, locked in the order in which they are changed. One that another transaction is just making is not there. */
async function readRows(query: Query, steps: readonly Step[]): Promise<Map<string, Record<string, unknown>>> {
  const found = new Map<string, Record<string, unknown>>();
  for (const entity of entities) {
    const ids = idsOf(steps, entity);
    // A list of recipients also moves those who are missing in it.
    const envelopes = entity === 'recipient' ? envelopesOf(steps) : [];
    if (ids.length + envelopes.length === 0) continue;
    const { rows } = await query(
      `SELECT id, to_jsonb(t) - '{${notes}}'::text[] AS row FROM ${tables[entity].table} t
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

/** The envelopes of which there is a list. */
const envelopesOf = (steps: readonly Step[]): string[] =>
  steps.flatMap(({ change: { entity, firmId, provider, refs } }) =>
    entity === 'recipient_list' && refs?.envelope_id ? [entityId(firmId, provider, refs.envelope_id)] : [],
  );

/** A part of a row has the row's id. */
const rowId = (change: PlannedChange): string =>
  entityId(change.firmId, change.provider, {
    entity: tables[change.entity].partOf ?? change.entity,
    externalId: change.externalId,
  });

/** An object that is referred to must exist: an empty one, until an event of its own arrives. */
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

/** The n-th step of every object in the n-th round; creating an empty row is needed only where nothing else is done to it. */
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

/** The guard, in the order in which it is compared, and the event that last changed what the row says. */
const guardColumns = (guard: string): [string, string][] => [
  [`${guard}_rank`, 'bigint'],
  [`${guard}_time`, 'bigint'],
  [`${guard}_step`, 'bigint[]'],
  [`${guard}_received_at`, 'timestamptz'],
  [`${guard}_event`, 'text'],
  [`${guard}_changed_by`, 'text'],
];

/** The guarded upsert of one kind of object, over many rows, none of them twice. */
function upsertOf(table: EntityTable): string {
  const { key, fields, stored = {}, refs, latest = [], lasting = [], silent = [] } = table;
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

  /** Columns that don't ask the guard, and what they become. */
  const merged = [
    ...latest.map((name) => [name, `GREATEST(t.${name}, excluded.${name})`] as const),
    ...lasting.map((name) => [name, `LEAST(t.${name}, excluded.${name})`] as const),
  ];
  const replaced = state.map(([name]) => name).filter((name) => !lasting.includes(name));
  const differs = (name: string, value: string) => `t.${name} IS DISTINCT FROM ${value}`;
  const isMerged = merged.map(([name, value]) => differs(name, value));
  const compared = replaced.filter((name) => !silent.includes(name));
  const saysElse = [`t.${guard}_rank < 0`, ...compared.map((name) => differs(name, `excluded.${name}`))];
  const isChanged = [`(${isNewer} AND (${saysElse.join(' OR ')}))`, ...isMerged].join(' OR ');

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
  // The row that a part belongs to is there already; these columns only have to be named.
  const [whole, ofWhole] = partOf ? [', order_rank, order_event', `, ${stubOrder.rank}, ''`] : ['', ''];
  return `
    INSERT INTO ${table.table} AS t (${names}${whole})
    SELECT ${names}${ofWhole} FROM jsonb_to_recordset($1::jsonb) AS r (${columns.map(([name, type]) => `${name} ${type}`).join(', ')})
    ORDER BY id
    ON CONFLICT (id) DO UPDATE SET ${set.join(', ')}
    WHERE ${[isNewer, ...isMerged].join(' OR ')}
    RETURNING id, ${guard}_event AS moved_by, ${guard}_changed_by AS changed_by`;
}

/** Columns that are for Semel alone. */
const notes = Object.values(tables).flatMap(({ guard = 'order', isNote, fields, stored = {} }) => [
  ...guardColumns(guard).map(([name]) => name),
  ...Object.values(stored),
  ...(isNote ? Object.keys(fields) : []),
]);

const upserts = Object.fromEntries(entities.map((entity) => [entity, upsertOf(tables[entity])])) as Record<
  Entity,
  string
>;
