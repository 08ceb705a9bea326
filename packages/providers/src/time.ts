const pattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?)?\s?(Z|z|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * An ISO 8601 string of any precision as whole seconds (in milliseconds since 1970) and nanoseconds; null if it is not a time.
 * Without a zone it is UTC: Square's documentation shows one such time, and DocuSign's times are all UTC.
 */
function parse(value: unknown): { secondsMs: number; nanos: number } | null {
  const match = typeof value === 'string' && value.length <= 64 ? pattern.exec(value) : null;
  if (!match) return null;
  const part = (index: number) => Number(match[index] ?? 0);
  const date = new Date(0);
  date.setUTCFullYear(part(1), part(2) - 1, part(3));
  // JavaScript reads 2026-02-31 as the third of March.
  if (date.getUTCMonth() !== part(2) - 1 || date.getUTCDate() !== part(3)) return null;
  if (part(4) > 24 || part(5) > 59 || part(6) > 60) return null;
  date.setUTCHours(part(4), part(5), part(6));
  const nanos = Number((match[7] ?? '').slice(0, 9).padEnd(9, '0'));
  return { secondsMs: date.getTime() - offsetMs(match[8]), nanos };
}

/** Nanoseconds since 1970 of an ISO 8601 string, for a guard; null if it is not a time. */
export function nanosOf(value: unknown): bigint | null {
  const time = parse(value);
  return time === null ? null : inBigint(BigInt(time.secondsMs) * 1_000_000n + BigInt(time.nanos));
}

/** Milliseconds since 1970 as nanoseconds, for a guard; 0 for null. */
export const nanosOfMillis = (millis: number | null): bigint =>
  millis === null || !Number.isSafeInteger(millis) ? 0n : inBigint(BigInt(millis) * 1_000_000n);

/** Limits a time to the range from 1970 to 2262, where Postgres's `bigint` ends. */
const inBigint = (nanos: bigint): bigint => {
  if (nanos < 0n) return 0n;
  return nanos > 9_223_372_036_854_775_807n ? 9_223_372_036_854_775_807n : nanos;
};

function offsetMs(zone: string | undefined): number {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0;
  const digits = zone.replace(/\D/g, '').padEnd(4, '0');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

/** Milliseconds since 1970 of an ISO 8601 string; null if it is not a time. */
export function millisOf(value: unknown): number | null {
  const time = parse(value);
  return time === null ? null : time.secondsMs + Math.floor(time.nanos / 1_000_000);
}

/** Milliseconds since 1970 of Unix seconds; null if the value is not a time. */
export const millisOfSeconds = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && inRange(value * 1000) ? value * 1000 : null;

/** The ISO 8601 string in which a time is stored; null for null and for years outside 1 to 9999. */
export const isoOf = (millis: number | null): string | null =>
  millis !== null && inRange(millis) ? new Date(millis).toISOString() : null;

const inRange = (millis: number) => millis >= -62_135_596_800_000 && millis <= 253_402_300_799_999;
