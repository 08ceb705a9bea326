import { StoreUnavailableError } from './errors.js';
import { idempotencyKey, isFinal } from './event.js';
import { isFailed, isReopened, linkedStubs, type Plan, type PlannedRow } from './plan-event.js';
import type { Applied, ApplyItem, ApplyPorts, HandledEvent, Unrecorded } from './ports.js';
import { recordFailure } from './record-failure.js';

/**
 * The worker's path: planned events of one provider in, no key twice; one outcome each out. They share one transaction unless
 * one of them has handlers or fails.
 * Throws `StoreUnavailableError` if a store fails: then nothing was decided, and no attempt is spent.
 */
export async function apply(ports: ApplyPorts, plans: readonly Plan[]): Promise<(Applied | Unrecorded)[]> {
  const rows = plans.filter((plan): plan is PlannedRow => !isFailed(plan));
  const outcomes = rows.length === 0 ? [] : await applyRows(ports, rows);
  const applied: (Applied | Unrecorded)[] = [];
  for (const plan of plans)
    applied.push(isFailed(plan) ? await fail(ports, plan.item, plan.failure) : (outcomes.shift() as Applied));
  await finishClaims(ports, plans, applied);
  return applied;
}

/** Applies all events together. If that fails, each runs alone, so that a bad event can't fail the others. */
async function applyRows(ports: ApplyPorts, rows: readonly PlannedRow[]): Promise<(Applied | Unrecorded)[]> {
  const [first, ...others] = rows as [PlannedRow, ...PlannedRow[]];
  try {
    // Where one event has handlers, each runs alone: handlers see one firm, and can fail only their own event.
    if (others.length === 0 || !rows.some(({ event }) => ports.handlers?.wants(event)))
      return await applyTogether(ports, rows);
  } catch (error) {
    if (error instanceof StoreUnavailableError && !error.isSlowStatement) throw error;
    // If the failure of a slow statement can be recorded, the store works: the event is to blame.
    if (others.length === 0) return [await fail(ports, first.item, error)];
  }
  const alone: (Applied | Unrecorded)[] = [];
  for (const row of rows) alone.push(...(await applyRows(ports, [row])));
  return alone;
}

function applyTogether(ports: ApplyPorts, planned: readonly PlannedRow[]): Promise<Applied[]> {
  const firms = [...new Set(planned.map((row) => row.event.firmId))];
  return ports.transaction(firms, async (tx) => {
    const rows = planned.map((row) => ({ ...row })); // the transaction may be retried with the same plans
    const inserted = await tx.insertLedger(rows);
    const existing = rows.filter((row) => !inserted.has(row.key));
    // A statement of its own: the snapshot of the insert can't see a row that was committed since.
    const locked = await tx.lockLedger(existing.map((row) => row.event));

    const toApply = rows.filter((row) => inserted.has(row.key) || isReopened(locked.get(row.key)));
    const handled = toApply.filter(({ event }) => ports.handlers?.wants(event));
    const changes = toApply.flatMap((row) => [...row.changes, ...linkedStubs(row)]);
    const changed = await tx.change(changes, handled.length > 0);
    const changedKeys = new Set(changed.map(({ change }) => idempotencyKey(change)));
    for (const row of toApply)
      if (row.outcome === 'applied' && !changedKeys.has(row.key)) row.outcome = 'stale';
    // New rows were inserted with their planned outcome, which is wrong only for those that turned out `stale`.
    await tx.finalizeLedger(toApply.filter((row) => !inserted.has(row.key) || row.outcome === 'stale'));
    for (const row of handled) await ports.handlers?.run(tx, { ...row, changed } as HandledEvent);

    for (const row of existing) {
      const before = locked.get(row.key);
      if (before === undefined) {
        // The row exists but row-level security hides it: the id belongs to another firm.
        row.outcome = 'quarantined';
        await tx.quarantine({ event: row.event, reason: 'owner_collision' });
      } else if (isFinal(before.outcome)) {
        row.outcome = 'duplicate';
        row.sameDelivery = row.event.spilled === true && before.receivedAtMs === row.event.receivedAtMs;
      }
    }
    await tx.record(toApply, changed);
    // The ledger has the bodies now. A duplicate may have stored another copy.
    await tx.deleteStoredCopies(rows.map((row) => row.event));
    return rows.map(({ outcome, ignored, sameDelivery }) => ({
      outcome,
      error: null,
      ...(outcome === 'ignored' && ignored !== null && { ignored }),
      ...(sameDelivery && { sameDelivery }),
    }));
  });
}

const fail = (ports: ApplyPorts, item: ApplyItem, error: unknown): Promise<Applied | Unrecorded> =>
  recordFailure(ports, item, error).catch(unrecorded);

/** Returns that the failure could not be recorded. Throws the error again if a store failed. */
export function unrecorded(error: unknown): Unrecorded {
  if (error instanceof StoreUnavailableError) throw error;
  return { outcome: null, error };
}

/** Marks claims as done. Releases those on another firm's events, whose own deliveries would else be collisions. */
async function finishClaims(
  ports: ApplyPorts,
  plans: readonly Plan[],
  applied: readonly (Applied | Unrecorded)[],
) {
  const eventsThat = (are: (outcome: string) => boolean) =>
    plans.filter((_, i) => are(applied[i]?.outcome ?? '')).map(({ item }) => item.event);
  const done = eventsThat((outcome) => isFinal(outcome) || outcome === 'duplicate');
  const foreign = eventsThat((outcome) => outcome === 'quarantined');
  if (done.length > 0) await ports.claimsDone(done);
  if (foreign.length > 0) await ports.claimsReleased(foreign);
}
