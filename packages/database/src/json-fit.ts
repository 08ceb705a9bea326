/**
 * True if Postgres certainly takes this JSON text as jsonb. It refuses NUL, lone surrogates, numbers beyond its own,
 * and nesting that exhausts its stack; whatever might be one of these is answered false, and the searchable copy is
 * left out: the exact bytes are kept all the same.
 */
export function fitsJsonb(json: string): boolean {
  if (json.includes('\\u')) {
    if (json.includes('\\u0000')) return false;
    const unpaired = json
      .replace(/\\\\/g, '-') // not '': halves on both sides of it are no pair
      .replace(/\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}/g, '');
    if (/\\u[dD][89a-fA-F]/.test(unpaired)) return false;
  }
  return !/\d{300}|[eE][+-]?\d{4}/.test(json) && !nestsDeeperThan(json, 500);
}

/** `json` is valid: brackets inside of strings are text. */
function nestsDeeperThan(json: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const char = json.charCodeAt(i);
    if (char === 0x22) inString = !inString;
    else if (inString) {
      if (char === 0x5c) i++;
    } else if (char === 0x5b || char === 0x7b) {
      if (++depth > limit) return true;
    } else if (char === 0x5d || char === 0x7d) depth--;
  }
  return false;
}
