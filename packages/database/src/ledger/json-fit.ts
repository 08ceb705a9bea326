import { type ScannedNumber, scanNumber } from './numeric-fit.js';

/** Deeper nesting exhausts a small `max_stack_depth`; PostgreSQL's default takes a few thousand levels. */
export const deepest = 2_000;
/** A jsonb value, and each string and list in it, must stay below 256 MB; text grows up to six times in it. */
export const longestText = 40 * 1024 * 1024;
/**
 * Limit for the digits that all exponents add: jsonb writes 1e131071 out in full, and a row of 1 GB as text can be neither
 * read nor dumped.
 */
export const mostAddedDigits = 32 * 1024 * 1024;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const smallU = 0x75;

/**
 * True if PostgreSQL accepts this JSON text as jsonb. It refuses the escape of NUL, half a surrogate pair, and a number that
 * `numeric` can't hold. The limits on nesting and length are our own, below PostgreSQL's. `json` must be valid JSON.
 */
export function fitsJsonb(json: string): boolean {
  if (json.length > longestText) return false;
  let depth = 0;
  let addedDigits = 0;
  const number: ScannedNumber = { end: 0, exponent: 0 };
  let nextEscape = json.indexOf('\\');
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at);
    if (char <= 0x20 || char === comma || char === colon) continue;
    if (char === quote) {
      const close = json.indexOf('"', at + 1);
      if (nextEscape === -1 || close < nextEscape) at = close;
      else {
        at = endOfEscaped(json, nextEscape);
        if (at === -1) return false;
        nextEscape = json.indexOf('\\', at);
      }
    } else if (char === 0x5b || char === 0x7b) {
      if (++depth > deepest) return false;
    } else if (char === 0x5d || char === 0x7d) {
      depth--;
    } else if (char === 0x2d || (char >= 0x30 && char <= 0x39)) {
      if (!scanNumber(json, at, number)) return false;
      addedDigits += Math.abs(number.exponent);
      if (addedDigits > mostAddedDigits) return false;
      at = number.end - 1;
    }
  }
  return true;
}

/**
 * The index of the quote that ends the string, searched from its first backslash; -1 if PostgreSQL refuses an escape in it.
 * The two halves of a surrogate pair must be adjacent.
 */
function endOfEscaped(json: string, from: number): number {
  let hasHigh = false;
  for (let at = from; ; at++) {
    const char = json.charCodeAt(at);
    if (char === backslash && json.charCodeAt(at + 1) === smallU) {
      const unit = Number.parseInt(json.slice(at + 2, at + 6), 16);
      const isLow = unit >= 0xdc00 && unit <= 0xdfff;
      if (unit === 0 || isLow !== hasHigh) return -1;
      hasHigh = unit >= 0xd800 && unit <= 0xdbff;
      at += 5;
    } else if (hasHigh) return -1;
    else if (char === quote) return at;
    else if (char === backslash) at++;
  }
}
