import { asObject } from './json.js';

/** No column needs more; the longest text is the body of a message. */
const textLimit = 64 * 1024;

/** A text that Postgres can store (no NUL, no half of a surrogate pair), shortened to `limit` characters; else null. */
export function cleanText(value: unknown, limit = textLimit): string | null {
  if (typeof value !== 'string') return null;
  return value.slice(0, limit).replaceAll('\u0000', '').toWellFormed();
}

/** A status, a code, a currency: short, and null where it is empty. */
export const shortText = (value: unknown): string | null => cleanText(value, 255) || null;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const control = /[\u0000-\u001f\u007f-\u009f]/g;

/** One line that can be a label, a log field or a column that is looked up: control characters become U+FFFD. */
export function lineOf(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return null;
  return value.slice(0, 255).toWellFormed().replace(control, '\ufffd');
}

/** The type of an event: whatever the provider calls it, and `unknown` where it says nothing usable. */
export const typeOf = (value: unknown): string => {
  const line = lineOf(value);
  return line === null || line !== value ? 'unknown' : line;
};

/** An id that can be a key of the domain: a short text without control characters, or an object that has one. */
export function idOf(value: unknown): string | null {
  const id = asObject(value)?.id ?? value;
  return typeof id === 'string' && lineOf(id) === id ? id : null;
}

/** Flat metadata: texts and numbers by name. */
export function metadataOf(value: unknown): Record<string, unknown> | null {
  const object = asObject(value);
  if (object === null) return null;
  const entries = Object.entries(object)
    .filter(([, item]) => ['string', 'number', 'boolean'].includes(typeof item))
    .map(([name, item]) => [cleanText(name, 255), typeof item === 'string' ? cleanText(item) : item]);
  return Object.fromEntries(entries);
}
