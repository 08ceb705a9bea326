import { timingSafeEqual } from 'node:crypto';

/** Compares a signature with the one that is due, in a time that says nothing about where they differ. */
export function equalText(given: string, due: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(due);
  // timingSafeEqual throws on different lengths; the length of the due one is no secret.
  return a.length === b.length && timingSafeEqual(a, b);
}
