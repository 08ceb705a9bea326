/** A JSON object with unknown members. */
export type JsonObject = Readonly<Record<string, unknown>>;

export const asObject = (value: unknown): JsonObject | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The text of a body without a byte order mark, which JSON.parse refuses. */
export function textOf(body: Buffer): string {
  const text = body.toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** The body as a JSON object; null if it is anything else. */
export function parseObject(body: Buffer): JsonObject | null {
  try {
    return asObject(JSON.parse(textOf(body)));
  } catch {
    return null;
  }
}

/** The body's text unchanged if it is JSON, else null. */
export function jsonTextOf(body: Buffer): string | null {
  const text = textOf(body);
  try {
    JSON.parse(text);
    return text;
  } catch {
    return null;
  }
}

/**
 * The same JSON text with each number as a string of its original digits, because JSON.parse rounds those above 2^53. `text`
 * must be valid JSON, so that digits outside strings are numbers.
 */
export function quoteNumbers(text: string): string {
  const parts: string[] = [];
  let from = 0;
  while (from < text.length) {
    const open = text.indexOf('"', from);
    const gap = text.slice(from, open === -1 ? text.length : open);
    parts.push(gap.replace(/-?\d[\d.eE+-]*/g, '"$&"'));
    if (open === -1) break;
    const close = endOfString(text, open);
    parts.push(text.slice(open, close));
    from = close;
  }
  return parts.join('');
}

/**
 * The same JSON text with each number under `name`, at any depth, as a string of its digits. `text` must be valid JSON, so that
 * a quote without a backslash before it begins or ends a string.
 */
export const quoteMembers = (text: string, name: string): string =>
  text.replace(new RegExp(`(?<!\\\\)("${name}"\\s*:\\s*)(-?\\d[\\d.eE+-]*)`, 'g'), '$1"$2"');

function endOfString(text: string, open: number): number {
  for (let close = text.indexOf('"', open + 1); close !== -1; close = text.indexOf('"', close + 1)) {
    let slashes = 0;
    while (text[close - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return close + 1;
  }
  return text.length;
}
