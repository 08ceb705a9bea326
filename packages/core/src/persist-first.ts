import { inlineBodyHardLimitBytes, inlineBodyLimitBytes } from './body.js';
import { StoreUnavailableError } from './errors.js';
import type { WebhookEvent } from './event.js';
import type { AcceptPorts } from './ports.js';

/**
 * Writes what must be in Postgres before the job is in Redis: all of the event where a 200 promises that, or a body that is too
 * large for a job. Returns the job to add, and whether the promise could not be kept because Postgres is away.
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
    return { job: event, degraded: isCopied }; // a body of this size may ride in the job
  }
  const job: WebhookEvent = { ...event, ...(isCopied && { spilled: true }) };
  return { job: isLarge ? { ...job, body: { stored: true } } : job, degraded: false };
}
