import { isUtf8 } from 'node:buffer';

/** The exact bytes of a body, in a form that survives JSON; `stored` means: in `webhook_bodies` or in the event's spill row. */
export type Body = { utf8: string } | { base64: string } | { stored: true };

export const toBody = (bytes: Buffer): Body =>
  isUtf8(bytes) ? { utf8: bytes.toString('utf8') } : { base64: bytes.toString('base64') };

/** The exact bytes, or null where they are in `webhook_bodies`. */
export const fromBody = (body: Body): Buffer | null => {
  if ('utf8' in body) return Buffer.from(body.utf8, 'utf8');
  return 'base64' in body ? Buffer.from(body.base64, 'base64') : null;
};

/** Bodies above this many bytes go to `webhook_bodies`, and the job carries only a reference. */
export const inlineBodyLimitBytes = 64 * 1024;
/** With Postgres away a body rides in the job up to this many bytes. */
export const inlineBodyHardLimitBytes = 1024 * 1024;
