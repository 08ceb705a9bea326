/**
 * Returns the wait that a `Retry-After` header asks for, in milliseconds. The header has whole seconds or a date. 0 if it is
 * missing or invalid. https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const endMs = Date.parse(text);
  return Number.isNaN(endMs) ? 0 : Math.max(0, endMs - nowMs);
}
