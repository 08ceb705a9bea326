import { isUtf8 } from 'node:buffer';
import type { Provider } from '@semel/core';
import { fitsJsonb } from './json-fit.js';

/** A body of many megabytes is documents: it is kept to the byte, and costs too much to take apart for a search. */
const longestBodyBytes = 1024 * 1024;

/**
 * The body as a JSON text that PostgreSQL takes; null where it is none. '' means: the body itself is that text, and need not
 * travel twice. A body that is not UTF-8 has no copy: its text would show characters that nobody sent.
 */
export function searchableCopy({ toJson }: Pick<Provider, 'toJson'>, body: Buffer): string | null {
  if (body.length > longestBodyBytes || !isUtf8(body)) return null;
  const json = toJson(body);
  if (json === null || !fitsJsonb(json)) return null;
  return json === body.toString('utf8') ? '' : json;
}
