import { type ChangeSet, type EntityRef, nothing, stubOrder } from './change.js';
import { SemelError, StoreUnavailableError } from './errors.js';
import { type ApplyOutcome, type Body, idempotencyKey, isFinal, type WebhookEvent } from './event.js';
import type { ApplyPorts, ApplyTransaction, HandledEvent, LedgerRow, PlannedChange } from './ports.js';

/** One job to apply. `lastAttempt`: if it fails now, it is `dead`. */
export interface ApplyItem {
  event: WebhookEvent;
  /** 1, 2, … of this run of the job; attempts that failed for a reason of ours are not in it. */
  attempt: number;
  lastAttempt: boolean;
}

export interface Applied {
  outcome: ApplyOutcome;
  /** What went wrong, where the outcome is `failed` or `dead`. */
  error: unknown;
  /** A `duplicate` that is no other delivery: the same one came by the queue and by the spill. */
  twin?: true;
}

/** Not even the failure of this event could be written down, although the store is there. */
export interface Undecided {
  outcome: null;
  error: unknown;
}

/**
 * The worker's path: events of one provider in, each key once, one outcome each out, in one transaction together.
 * If anything fails, each event runs alone, so that a bad one can't fail its neighbours.
 * Throws `StoreUnavailableError` for faults of ours: then nothing was decided, and no attempt is spent.
 */
export async function apply(
  ports: ApplyPorts,
  items: readonly ApplyItem[],
): Promise<(Applied | Undecided)[]> {
  // Handlers see one firm, and what they do to their transaction is their event's fault alone.
  if (items.length > 1 && items.some(({ event }) => ports.handlers?.wants(event)))
    return applyEachAlone(ports, items);
  let applied: (Applied | Undecided)[];
  try {
    applied = await applyTogether(ports, items);
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    if (items.length > 1) return applyEachAlone(ports, items);
    applied = [await recordFailure(ports, items[0] as ApplyItem, error).catch(undecided)];
  }
  await settleClaims(ports, items, applied);
  return applied;
}

async function applyEachAlone(
  ports: ApplyPorts,
  items: readonly ApplyItem[],
): Promise<(Applied | Undecided)[]> {
  const alone: (Applied | Undecided)[] = [];
  for (const item of items) alone.push(...(await apply(ports, [item])));
  return alone;
}

/** Faults of ours are thrown on. */
export function undecided(error: unknown): Undecided {
  if (error instanceof StoreUnavailableError) throw error;
  return { outcome: null, error };
}

/** A claim on another firm's event is given up: it would turn the true owner's own deliveries into collisions. */
async function settleClaims(
  ports: ApplyPorts,
  items: readonly ApplyItem[],
  applied: readonly (Applied | Undecided)[],
) {
  const eventsThat = (are: (outcome: string) => boolean) =>
    items.filter((_, i) => are(applied[i]?.outcome ?? '')).map((item) => item.event);
  const done = eventsThat((outcome) => isFinal(outcome) || outcome === 'duplicate');
  const foreign = eventsThat((outcome) => outcome === 'quarantined');
  if (done.length > 0) await ports.claimsDone(done);
  if (foreign.length > 0) await ports.claimsFreed(foreign);
}

function applyTogether(ports: ApplyPorts, items: readonly ApplyItem[]): Promise<Applied[]> {
  const firms = [...new Set(items.map((item) => item.event.owner))];
  return ports.transaction(firms, async (tx) => {
    const rows = await plan(ports, tx, items);

    const fresh = await tx.insertLedger(rows);
    const met = rows.filter((row) => !fresh.has(row.key));
    // A second statement: the first one's snapshot can't see a row that committed meanwhile.
    const locked = await tx.lockLedger(met.map((row) => row.event));

    const todo = rows.filter((row) => fresh.has(row.key) || isReopened(locked.get(row.key)));
    const handled = todo.filter(({ event }) => ports.handlers?.wants(event));
    const changes = todo.flatMap((row) => [...row.changes, ...linkedStubs(row)]);
    const changed = await tx.change(changes, handled.length > 0);
    const moved = new Set(changed.map(({ change }) => idempotencyKey(change)));
    for (const row of todo) if (row.outcome === 'applied' && !moved.has(row.key)) row.outcome = 'stale';
    // New rows were inserted with the outcome that nearly all of them end with.
    await tx.settleLedger(todo.filter((row) => !fresh.has(row.key) || row.outcome === 'stale'));
    for (const row of handled) await ports.handlers?.run(tx, { ...row, changed } as HandledEvent);

    for (const row of met) {
      const before = locked.get(row.key);
      if (before === undefined) {
        row.outcome = 'quarantined'; // the id is another firm's, and row-level security hides whose
        await tx.quarantine({ event: row.event, reason: 'owner_collision' });
      } else if (isFinal(before.outcome)) {
        row.outcome = 'duplicate';
        row.twin = row.event.spilled === true && before.receivedAtMs === row.event.receivedAtMs;
      }
    }
    await tx.record(todo, changed);
    // Whatever became of an event here, it needs its stored body no more; a duplicate may have brought one of its own.
    await tx.dropKept(rows.map((row) => row.event));
    return rows.map(({ outcome, twin }) => ({ outcome, error: null, ...(twin ? { twin } : {}) }));
  });
}

interface PlannedRow extends LedgerRow {
  key: string;
  attempt: number;
  outcome: ApplyOutcome;
  twin: boolean;
  changes: PlannedChange[];
}

/** Reads the bodies and asks the provider's pure rule what each event changes. */
async function plan(
  ports: ApplyPorts,
  tx: ApplyTransaction,
  items: readonly ApplyItem[],
): Promise<PlannedRow[]> {
  const bodyOf = await readBodies(tx, items);
  return items.map(({ event, attempt }) => {
    const body = bodyOf(event);
    const set = changeSetOf(ports, event, body);
    const { owner: firmId, provider, eventId, receivedAtMs } = event;
    return {
      event,
      body,
      attempt,
      key: idempotencyKey(event),
      links: set.links,
      outcome: set.ignored === null ? 'applied' : 'ignored',
      twin: false,
      ignored: set.ignored,
      error: null,
      changes: set.changes.map((change) => ({ ...change, firmId, provider, eventId, receivedAtMs })),
    };
  });
}

/** What the ledger row links to and no change of its own brings must exist as well: empty, until its own event arrives. */
function linkedStubs({ event, links, changes }: PlannedRow): PlannedChange[] {
  const isChanged = (ref: EntityRef) =>
    changes.some(({ entity, externalId }) => entity === ref.entity && externalId === ref.externalId);
  const { owner: firmId, provider, eventId, receivedAtMs } = event;
  return Object.values(links)
    .filter((ref) => !isChanged(ref))
    .map((ref) => ({ ...ref, fields: {}, order: stubOrder, firmId, provider, eventId, receivedAtMs }));
}

const changeSetOf = (ports: ApplyPorts, event: WebhookEvent, body: Buffer): ChangeSet =>
  event.ignored === null ? ports.provider.changesOf(event, body) : nothing(event.ignored);

const isReopened = (before: { outcome: string } | undefined) =>
  before !== undefined && !isFinal(before.outcome);

async function readBodies(tx: ApplyTransaction, items: readonly ApplyItem[]) {
  const stored = await tx.storedBodies(
    items.map((item) => item.event).filter((event) => 'stored' in event.body),
  );
  return (event: WebhookEvent): Buffer => {
    const body = fromBody(event.body) ?? stored.get(idempotencyKey(event));
    if (body === undefined) throw new SemelError('body_missing');
    return body;
  };
}

/** The exact bytes, or null where they are in `webhook_bodies`. */
export const fromBody = (body: Body): Buffer | null => {
  if ('utf8' in body) return Buffer.from(body.utf8, 'utf8');
  return 'base64' in body ? Buffer.from(body.base64, 'base64') : null;
};

/** The event failed by itself: rolled back already, and now written down in a transaction of its own. */
async function recordFailure(
  ports: Pick<ApplyPorts, 'transaction'>,
  item: ApplyItem,
  error: unknown,
): Promise<Applied> {
  const { event, attempt } = item;
  const outcome: ApplyOutcome = item.lastAttempt ? 'dead' : 'failed';
  return ports.transaction([event.owner], async (tx) => {
    const stored = await tx.storedBodies('stored' in event.body ? [event] : []);
    const body = fromBody(event.body) ?? stored.get(idempotencyKey(event)) ?? Buffer.alloc(0);
    const message = error instanceof Error ? error.message : String(error);
    const row = { event, body, links: {}, outcome, ignored: null, error: message };
    if (await tx.failLedger(row)) {
      await tx.record([{ ...row, attempt }], []);
      if (event.spilled) await tx.dropKept([event]); // or the relay would run a dead event again and again
      return { outcome, error };
    }
    // A COMMIT whose answer got lost was a commit: a final row stays as it is.
    const isOurs = (await tx.lockLedger([event])).size > 0;
    if (!isOurs) await tx.quarantine({ event, reason: 'owner_collision' });
    await tx.dropKept([event]);
    return { outcome: isOurs ? 'duplicate' : 'quarantined', error: null };
  });
}

/** A job that the queue gave up without running it is dead as well, and must not stay unseen. */
export const recordLost = (
  ports: Pick<ApplyPorts, 'transaction'>,
  event: WebhookEvent,
  attempt: number,
): Promise<Applied> =>
  recordFailure(ports, { event, attempt, lastAttempt: true }, new SemelError('job_lost'));
