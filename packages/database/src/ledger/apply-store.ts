import {
  type AppliedChange,
  type ApplyPorts,
  type ApplyTransaction,
  type AttemptRecord,
  idempotencyKey,
  type Provider,
  type WebhookEvent,
} from '@semel/core';
import type pg from 'pg';
import { type Query, type Send, type Session, withFirms } from '../connection/pool.js';
import { columnwise, storable } from '../connection/sql-values.js';
import { withHandlerClient } from '../handlers/handler-client.js';
import { upsertObjects } from '../objects/upsert-objects.js';
import { deleteBodies, selectBodies } from './bodies.js';
import { ledgerOf } from './ledger.js';
import { insertQuarantine } from './quarantine.js';
import { deleteSpill } from './spill.js';

/** The apply transaction of one provider. */
export function applyStore(pool: pg.Pool, provider: Provider): ApplyPorts['transaction'] {
  const ledger = ledgerOf(provider);
  const inside = (query: Query, send: Send, session: Session): ApplyTransaction => ({
    storedBodies: async (events) => {
      if (events.length === 0) return new Map();
      const bodies = await selectBodies(query, events);
      const missing = events.filter((event) => !bodies.has(idempotencyKey(event)));
      if (missing.length > 0)
        for (const [key, raw] of await ledger.rawBodies(query, missing)) bodies.set(key, raw);
      return bodies;
    },
    insertLedger: (rows) => ledger.insert(query, rows),
    lockLedger: (events) => ledger.lock(query, events),
    change: async (changes, withRows) =>
      changes.length === 0 ? [] : upsertObjects(query, changes, withRows),
    finalizeLedger: (rows) => ledger.finalize(query, rows),
    failLedger: (row) => ledger.fail(query, row),
    record: async (attempts, changes) => {
      if (attempts.length > 0) await record(query, attempts, changes);
    },
    quarantine: async (entry) => {
      const event = entry.event as WebhookEvent;
      const stored =
        'stored' in event.body ? (await selectBodies(query, [event])).get(idempotencyKey(event)) : undefined;
      await insertQuarantine(query, entry, stored);
    },
    deleteStoredCopies: async (events) => {
      const stored = events.filter(({ body }) => 'stored' in body);
      if (stored.length > 0) await deleteBodies(query, stored);
      const spilled = events.filter((event) => event.spilled);
      if (spilled.length > 0) await deleteSpill(query, spilled);
    },
    withHandlerClient: (timeoutMs, work) => {
      session.mustReset = true;
      return withHandlerClient({ query, send, timeoutMs }, work);
    },
  });
  return (firmIds, work) =>
    retryOnConflict((observed) =>
      withFirms(pool, { firmIds }, (query, send, session) => work(inside(observed(query), send, session))),
    );
}

/**
 * Repeats a transaction that lost a race: a deadlock, a serialization failure, or two transactions that create the same
 * object. `ON CONFLICT (id)` waits for the other transaction only at the index on `id`; the table's second unique index can
 * still refuse the slower one, and a repetition finds the object. A unique violation in a handler's own statement, or
 * deferred to the COMMIT, is not repeated: it would fail again.
 */
async function retryOnConflict<T>(run: (observed: (query: Query) => Query) => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    let ownError: unknown = null;
    const observed =
      (query: Query): Query =>
      (text, values) =>
        query(text, values).catch((error: unknown) => {
          ownError = error;
          throw error;
        });
    try {
      return await run(observed);
    } catch (error) {
      const isLost = isRollback(error) || (error === ownError && codeOf(error) === uniqueViolation);
      if (round === 3 || !isLost) throw error;
    }
  }
}

const uniqueViolation = '23505';
const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;
/** Deadlock or serialization failure: the cause of a `StoreUnavailableError`. */
const isRollback = (error: unknown): boolean =>
  ['40P01', '40001'].includes(String(codeOf((error as Error | null)?.cause)));

const attemptColumns = [
  ['firm_id', 'uuid', ({ event }: AttemptRecord) => event.firmId],
  ['provider', 'text', ({ event }: AttemptRecord) => event.provider],
  ['event_id', 'text', ({ event }: AttemptRecord) => event.eventId],
  ['outcome', 'text', ({ outcome }: AttemptRecord) => outcome],
  ['attempt', 'integer', ({ attempt }: AttemptRecord) => attempt],
  ['error', 'text', ({ error }: AttemptRecord) => storable(error)],
] as const;

const changeColumns = [
  ['firm_id', 'uuid', ({ change }: AppliedChange) => change.firmId],
  ['provider', 'text', ({ change }: AppliedChange) => change.provider],
  ['event_id', 'text', ({ change }: AppliedChange) => change.eventId],
  ['entity_type', 'text', ({ change }: AppliedChange) => change.entity],
  ['entity_id', 'uuid', ({ entityId }: AppliedChange) => entityId],
  [
    'change',
    'jsonb',
    ({ change }: AppliedChange) => JSON.stringify({ ...change.fields, ...change.latest, ...change.refs }),
  ],
] as const;

const append = (table: string, columns: readonly (readonly [string, string, unknown])[], first: number) => `
  INSERT INTO ${table} (${columns.map(([name]) => name).join(', ')})
  SELECT * FROM unnest(${columns.map(([, type], i) => `$${first + i}::${type}[]`).join(', ')})`;

const recordBoth = `WITH changes AS (${append('domain_changes', changeColumns, attemptColumns.length + 1)})
  ${append('webhook_attempts', attemptColumns, 1)}`;

/** Records changes that no event made. */
export async function recordChanges(query: Query, changes: readonly AppliedChange[]): Promise<void> {
  await query(append('domain_changes', changeColumns, 1), columnwise(changeColumns, changes));
}

/** Appends to both history tables in one statement. */
async function record(query: Query, attempts: readonly AttemptRecord[], changes: readonly AppliedChange[]) {
  await query(recordBoth, [...columnwise(attemptColumns, attempts), ...columnwise(changeColumns, changes)]);
}
