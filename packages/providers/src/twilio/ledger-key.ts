/**
 * The two halves of an event id: `SM….delivered.e30003.d2609011230` is the sid and
 * `status:delivered:30003:2609011230`. A suffix `~firm` from a release out of quarantine stays at the end.
 */
export function keyValues(eventId: string): readonly [string, string] {
  const dot = eventId.indexOf('.');
  const sid = eventId.slice(0, dot === -1 ? eventId.length : dot);
  const about = eventId.slice(sid.length + 1);
  const [, what = about, code, date, mark = ''] =
    /^([^.~]*)(?:\.e([^.~]*))?(?:\.d([^.~]*))?(~.*)?$/s.exec(about) ?? [];
  return [sid, what === 'inbound' ? `inbound${mark}` : `status:${what}${details(code, date)}${mark}`];
}

/** `[:ErrorCode][:RawDlrDoneDate]`. A second colon distinguishes a code that looks like a date, and the reverse. */
function details(code: string | undefined, date: string | undefined): string {
  const looksLikeDate = (text: string) => /^\d{10}$/.test(text);
  if (code !== undefined && date !== undefined) return `:${code}:${date}`;
  if (code !== undefined) return looksLikeDate(code) ? `:${code}:` : `:${code}`;
  if (date !== undefined) return looksLikeDate(date) ? `:${date}` : `::${date}`;
  return '';
}
