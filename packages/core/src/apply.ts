import { StoreUnavailableError } from './errors.js';
import { idempotencyKey, isFinal } from './event.js';
import { isReopened, linkedStubs, planEvents } from './plan-events.js';
import type { Applied, ApplyItem, ApplyPorts, HandledEvent, Unrecorded } from './ports.js';
import { recordFailure } from './record-failure.js';

/**
 * The worker's path: events of one provider in, each key once, one outcome each out, in one transaction together.
 * If anything fails, each event runs alone, so that a bad one can't fail its neighbours.
 * Throws `StoreUnavailableError` where a store fails: then nothing was decided, and no attempt is spent.
 */
export async function apply(
  ports: ApplyPorts,
  items: readonly ApplyItem[],
): Promise<(Applied | Unrecorded)[]> {
  // Handlers see one firm, and what they do to their transaction is their event's fault alone.
  if (items.length > 1 && items.some(({ event }) => ports.handlers?.wants(event)))
    return applyEachAlone(ports, items);
  let applied: (Applied | Unrecorded)[];
  try {
    applied = await applyTogether(ports, items);
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    if (items.length > 1) return applyEachAlone(ports, items);
    applied = [await recordFailure(ports, items[0] as ApplyItem, error).catch(unrecorded)];
  }
  await finishClaims(ports, items, applied);
  return applied;
}

async function applyEachAlone(
  ports: ApplyPorts,
  items: readonly ApplyItem[],
): Promise<(Applied | Unrecorded)[]> {
  const alone: (Applied | Unrecorded)[] = [];
  for (const item of items) alone.push(...(await apply(ports, [item])));
  return alone;
}

/** The failure itself could not be recorded. A store's failure is thrown on. */
export function unrecorded(error: unknown): Unrecorded {
  if (error instanceof StoreUnavailableError) throw error;
  return { outcome: null, error };
}

/** Releases claims on another firm's events: they would turn the true owner's deliveries into collisions. */
async function finishClaims(
  ports: ApplyPorts,
  items: readonly ApplyItem[],
  applied: readonly (Applied | Unrecorded)[],
) {
  const eventsThat = (are: (outcome: string) => boolean) =>
    items.filter((_, i) => are(applied[i]?.outcome ?? '')).map((item) => item.event);
  const done = eventsThat((outcome) => isFinal(outcome) || outcome === 'duplicate');
  const foreign = eventsThat((outcome) => outcome === 'quarantined');
  if (done.length > 0) await ports.claimsDone(done);
  if (foreign.length > 0) await ports.claimsReleased(foreign);
}

function applyTogether(ports: ApplyPorts, items: readonly ApplyItem[]): Promise<Applied[]> {
  const firms = [...new Set(items.map((item) => item.event.owner))];
  return ports.transaction(firms, async (tx) => {
    const rows = await planEvents(ports, tx, items);

    const inserted = await tx.insertLedger(rows);
    const existing = rows.filter((row) => !inserted.has(row.key));
    // A second statement: the snapshot of the first can't see a row that committed meanwhile.
    const locked = await tx.lockLedger(existing.map((row) => row.event));

    const toApply = rows.filter((row) => inserted.has(row.key) || isReopened(locked.get(row.key)));
    const handled = toApply.filter(({ event }) => ports.handlers?.wants(event));
    const changes = toApply.flatMap((row) => [...row.changes, ...linkedStubs(row)]);
    const changed = await tx.change(changes, handled.length > 0);
    const changedKeys = new Set(changed.map(({ change }) => idempotencyKey(change)));
    for (const row of toApply)
      if (row.outcome === 'applied' && !changedKeys.has(row.key)) row.outcome = 'stale';
    // New rows were inserted as `applied`, which nearly all of them stay.
    await tx.finalizeLedger(toApply.filter((row) => !inserted.has(row.key) || row.outcome === 'stale'));
    for (const row of handled) await ports.handlers?.run(tx, { ...row, changed } as HandledEvent);

    for (const row of existing) {
      const before = locked.get(row.key);
      if (before === undefined) {
        // Row-level security hides the row: the id is another firm's.
        row.outcome = 'quarantined';
        await tx.quarantine({ event: row.event, reason: 'owner_collision' });
      } else if (isFinal(before.outcome)) {
        row.outcome = 'duplicate';
        row.sameDelivery = row.event.spilled === true && before.receivedAtMs === row.event.receivedAtMs;
      }
    }
    await tx.record(toApply, changed);
    // The ledger holds the body now. A duplicate may have brought a stored copy of its own.
    await tx.deleteStoredCopies(rows.map((row) => row.event));
    return rows.map(({ outcome, sameDelivery }) => ({
      outcome,
      error: null,
      ...(sameDelivery ? { sameDelivery } : {}),
    }));
  });
}
