import { jsonTextOf } from '../json.js';
import { parseForm } from './form.js';

/** A form as a JSON object, with a list for a repeated name; JSON unchanged. */
export function toJson(body: Buffer): string | null {
  const json = body[0] === 0x7b ? jsonTextOf(body) : null;
  if (json !== null) return json;
  const form = parseForm(body);
  return form === null ? null : JSON.stringify(form);
}
