import { isUtf8 } from 'node:buffer';
import type { Provider } from '@semel/core';
import { fitsJsonb } from './json-fit.js';

/** Larger bodies carry documents: parsing them for search costs too much. `event_raw` still has every byte. */
export const longestBodyBytes = 1024 * 1024;

/**
 * The body as JSON text that PostgreSQL accepts, or null. '' means that the body itself is that text, so it is sent only once.
 * A body that is not UTF-8 has no copy: its text would show characters that nobody sent.
 */
export function searchableCopy({ toJson }: Pick<Provider, 'toJson'>, body: Buffer): string | null {
  if (body.length > longestBodyBytes || !isUtf8(body)) return null;
  const json = toJson(body);
  if (json === null || !fitsJsonb(json)) return null;
  return json === body.toString('utf8') ? '' : json;
}
