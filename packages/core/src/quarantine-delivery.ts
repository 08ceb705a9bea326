import { inlineBodyHardLimitBytes } from './body.js';
import { StoreUnavailableError } from './errors.js';
import type { AcceptPorts, QuarantineEntry } from './ports.js';

/** Writes an authentic delivery that must not be applied to the quarantine; to a queue while Postgres is unreachable. */
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
