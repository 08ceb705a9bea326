/**
 * How long a `Retry-After` asks to wait, in milliseconds: it has whole seconds, or the date of an end. 0 where it is missing or
 * can't be read. https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const endMs = Date.parse(text);
  return Number.isNaN(endMs) ? 0 : Math.max(0, endMs - nowMs);
}
