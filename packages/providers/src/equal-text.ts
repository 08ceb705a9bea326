import { timingSafeEqual } from 'node:crypto';

/** Compares a signature with the expected one in constant time. */
export function equalText(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  // timingSafeEqual throws on different lengths. The expected length is not secret.
  return a.length === b.length && timingSafeEqual(a, b);
}
