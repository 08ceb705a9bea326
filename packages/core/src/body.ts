import { isUtf8 } from 'node:buffer';

/**
 * The exact bytes of a body as JSON. `stored`: they are in `webhook_bodies`, in the event's spill row or in its ledger row.
 * `storedUnder`: the event id in `webhook_bodies`, if it is not the event's own.
 */
export type Body = { utf8: string } | { base64: string } | { stored: true; storedUnder?: string };

export const toBody = (bytes: Buffer): Body =>
  isUtf8(bytes) ? { utf8: bytes.toString('utf8') } : { base64: bytes.toString('base64') };

/** Returns the exact bytes; null if they are stored in Postgres. */
export const fromBody = (body: Body): Buffer | null => {
  if ('utf8' in body) return Buffer.from(body.utf8, 'utf8');
  return 'base64' in body ? Buffer.from(body.base64, 'base64') : null;
};

/** Bodies above this many bytes go to `webhook_bodies`; the job only refers to them. */
export const inlineBodyLimitBytes = 64 * 1024;
/** While Postgres is unreachable, the job contains a body of up to this many bytes. */
export const inlineBodyHardLimitBytes = 1024 * 1024;
