import { parseObject } from '../json.js';
import { type Form, parseForm } from './form.js';

/** The fields of a body, in a form or in a JSON object; null where it is neither. */
export function fieldsOf(body: Buffer): Form | null {
  const object = body[0] === 0x7b ? parseObject(body) : null;
  if (object === null) return parseForm(body);
  const fields: Form = Object.create(null);
  for (const [name, value] of Object.entries(object))
    if (['string', 'number', 'boolean'].includes(typeof value)) fields[name] = String(value);
  return fields;
}

/** A field's text, `''` where it is absent. The signature does not see that a field is repeated with the same text. */
export function field(fields: Form, name: string): string {
  const value = fields[name] ?? '';
  return Array.isArray(value) ? (value[0] ?? '') : value;
}

/** The field has two texts: no one can tell which of them is meant. */
export const isContradictory = (fields: Form, name: string): boolean => {
  const value = fields[name];
  return Array.isArray(value) && new Set(value).size > 1;
};
