const pattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?)?\s?(Z|z|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * An ISO 8601 text, whatever its precision, as whole seconds (in milliseconds since 1970) and microseconds; null
 * where it is no time. Without a zone it means UTC: Square's documentation has one such, DocuSign's are all UTC.
 */
function parse(value: unknown): { secondsMs: number; micros: number } | null {
  const match = typeof value === 'string' && value.length <= 64 ? pattern.exec(value) : null;
  if (!match) return null;
  const part = (index: number) => Number(match[index] ?? 0);
  const date = new Date(0);
  date.setUTCFullYear(part(1), part(2) - 1, part(3));
  // JavaScript takes 2026-02-31 for the third of March.
  if (date.getUTCMonth() !== part(2) - 1 || date.getUTCDate() !== part(3)) return null;
  if (part(4) > 24 || part(5) > 59 || part(6) > 60) return null;
  date.setUTCHours(part(4), part(5), part(6));
  const micros = Number((match[7] ?? '').slice(0, 6).padEnd(6, '0'));
  return { secondsMs: date.getTime() - offsetMs(match[8]), micros };
}

/** Microseconds since 1970 of an ISO 8601 text; null where it is no time, or one beyond safe integers. */
export function microsOf(value: unknown): number | null {
  const time = parse(value);
  const micros = time === null ? Number.NaN : time.secondsMs * 1000 + time.micros;
  return Number.isSafeInteger(micros) ? micros : null;
}

function offsetMs(zone: string | undefined): number {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0;
  const digits = zone.replace(/\D/g, '').padEnd(4, '0');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

/** Milliseconds since 1970 of an ISO 8601 text; null where it is no time. */
export function millisOf(value: unknown): number | null {
  const time = parse(value);
  return time === null ? null : time.secondsMs + Math.floor(time.micros / 1000);
}

/** Milliseconds since 1970 of Unix seconds; null where they are none. */
export const millisOfSeconds = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && inRange(value * 1000) ? value * 1000 : null;

/** The form in which times are stored; null for none and for years that not every database knows. */
export const isoOf = (millis: number | null): string | null =>
  millis !== null && inRange(millis) ? new Date(millis).toISOString() : null;

const inRange = (millis: number) => millis >= -62_135_596_800_000 && millis <= 253_402_300_799_999;
