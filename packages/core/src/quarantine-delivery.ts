import { inlineBodyHardLimitBytes } from './body.js';
import { StoreUnavailableError } from './errors.js';
import type { AcceptPorts, QuarantineEntry } from './ports.js';

/** Keeps an authentic delivery that must not be applied where an operator sees it; in a queue until Postgres can take it. */
export async function quarantineDelivery(
  ports: Pick<AcceptPorts, 'quarantine' | 'queue'>,
  entry: QuarantineEntry,
  body: Buffer,
): Promise<void> {
  try {
    await ports.quarantine(entry);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError) || body.length > inlineBodyHardLimitBytes) throw error;
    await ports.queue.addQuarantined(entry);
  }
}
