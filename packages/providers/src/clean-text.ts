import { asObject } from './json.js';

/** Enough for every column; the longest text is the body of a message. */
export const textLimit = 64 * 1024;

/** Text that Postgres can store (no NUL, no half surrogate pair), cut to `limit` characters; null if it is not a string. */
export function cleanText(value: unknown, limit = textLimit): string | null {
  if (typeof value !== 'string') return null;
  return value.slice(0, limit).replaceAll('\u0000', '').toWellFormed();
}

/** Limit in characters on ids, types and other short texts. */
export const shortLimit = 255;

/** A short text such as a status, code or currency; null if empty. */
export const shortText = (value: unknown): string | null => cleanText(value, shortLimit) || null;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are replaced
const control = /[\u0000-\u001f\u007f-\u009f]/g;

/** One line, safe as a label, log field or lookup column. Control characters become U+FFFD. */
export function lineOf(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return null;
  return value.slice(0, shortLimit).toWellFormed().replace(control, '\ufffd');
}

/** The provider's type of an event; `unknown` if it is not usable. */
export const typeOf = (value: unknown): string => {
  const line = lineOf(value);
  return line === null || line !== value ? 'unknown' : line;
};

/** An id that can be a key: a short text without control characters, or the `id` of an object. */
export function idOf(value: unknown): string | null {
  const id = asObject(value)?.id ?? value;
  return typeof id === 'string' && lineOf(id) === id ? id : null;
}

/** Flat metadata: strings, numbers and booleans by name. */
export function metadataOf(value: unknown): Record<string, unknown> | null {
  const object = asObject(value);
  if (object === null) return null;
  const entries = Object.entries(object)
    .filter(([, item]) => ['string', 'number', 'boolean'].includes(typeof item))
    .map(([name, item]) => [cleanText(name, shortLimit), typeof item === 'string' ? cleanText(item) : item]);
  return Object.fromEntries(entries);
}
