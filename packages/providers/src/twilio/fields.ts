import { type JsonObject, parseObject } from '../json.js';
import { type Form, parseForm } from './form.js';

/** The body's JSON object; null for a form. */
export const jsonObjectOf = (body: Buffer): JsonObject | null =>
  body[0] === 0x7b ? parseObject(body) : null; // a brace

/** The fields of a form or a JSON object; null if the body is neither. */
export function fieldsOf(body: Buffer): Form | null {
  const object = jsonObjectOf(body);
  if (object === null) return parseForm(body);
  const fields: Form = Object.create(null);
  for (const [name, value] of Object.entries(object))
    if (['string', 'number', 'boolean'].includes(typeof value)) fields[name] = String(value);
  return fields;
}

/** A field's value, `''` if absent. A repetition with the same value has the same signature, so the first one counts. */
export function field(fields: Form, name: string): string {
  const value = fields[name] ?? '';
  return Array.isArray(value) ? (value[0] ?? '') : value;
}

/** True if the field is repeated with different values, so that it has no definite value. */
export const isContradictory = (fields: Form, name: string): boolean => {
  const value = fields[name];
  return Array.isArray(value) && new Set(value).size > 1;
};
