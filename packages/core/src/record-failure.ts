import { fromBody } from './body.js';
import { SemelError } from './errors.js';
import { type ApplyOutcome, idempotencyKey, type WebhookEvent } from './event.js';
import type { Applied, ApplyItem, ApplyPorts } from './ports.js';

/** Records a failed event in a new transaction: the one that failed was rolled back. */
export async function recordFailure(
  ports: Pick<ApplyPorts, 'transaction'>,
  item: ApplyItem,
  error: unknown,
): Promise<Applied> {
  const { event, attempt } = item;
  const outcome: ApplyOutcome = item.lastAttempt ? 'dead' : 'failed';
  return ports.transaction([event.firmId], async (tx) => {
    const stored = await tx.storedBodies('stored' in event.body ? [event] : []);
    const body = fromBody(event.body) ?? stored.get(idempotencyKey(event)) ?? Buffer.alloc(0);
    const message = error instanceof Error ? error.message : String(error);
    const row = { event, body, links: {}, outcome, ignored: null, error: message };
    if (await tx.failLedger(row)) {
      await tx.record([{ ...row, attempt }], []);
      if (event.spilled) await tx.deleteStoredCopies([event]); // else the relay would run a dead event again
      return { outcome, error };
    }
    // The row is final: an earlier COMMIT succeeded although its answer was lost. Or the id belongs to another firm.
    const isOurs = (await tx.lockLedger([event])).size > 0;
    if (!isOurs) await tx.quarantine({ event, reason: 'owner_collision' });
    await tx.deleteStoredCopies([event]);
    return { outcome: isOurs ? 'duplicate' : 'quarantined', error: null };
  });
}

/** Records an event as dead whose job is not run any more: the queue gave it up, or it ended its workers too often. */
export const recordLost = (
  ports: Pick<ApplyPorts, 'transaction'>,
  event: WebhookEvent,
  attempt: number,
  code: 'job_lost' | 'handler_stuck' = 'job_lost',
): Promise<Applied> => recordFailure(ports, { event, attempt, lastAttempt: true }, new SemelError(code));
