import { inlineBodyHardLimitBytes, inlineBodyLimitBytes } from './body.js';
import { StoreUnavailableError } from './errors.js';
import type { WebhookEvent } from './event.js';
import type { AcceptPorts } from './ports.js';

/**
 * Writes what must be in Postgres before the job is in Redis: the whole event with `durability: postgres`, or a body that is
 * too large for a job. Returns the job to add. `degraded`: Postgres was unreachable, so the event has no copy there.
 */
export async function persistFirst(
  ports: Pick<AcceptPorts, 'spill' | 'storeBody' | 'durability'>,
  event: WebhookEvent,
  body: Buffer,
): Promise<{ job: WebhookEvent; degraded: boolean }> {
  const isLarge = body.length > inlineBodyLimitBytes;
  const isCopied = ports.durability === 'postgres';
  if (!isLarge && !isCopied) return { job: event, degraded: false };
  try {
    if (isCopied) await ports.spill.add(event, body, { inQueue: true });
    else await ports.storeBody(event, body);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError) || body.length > inlineBodyHardLimitBytes) throw error;
    return { job: event, degraded: isCopied }; // the job may contain a body of this size
  }
  const job: WebhookEvent = { ...event, ...(isCopied && { spilled: true }) };
  return { job: isLarge ? { ...job, body: { stored: true } } : job, degraded: false };
}
