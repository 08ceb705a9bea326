import { parse } from 'node:querystring';

/** Twilio sends about thirty fields. The limits bound the work that an unsigned body can cause. */
export const fieldLimit = 1000;
export const nameLimit = 256;

/** A form as the SDK takes it: a repeated name has a list. It has no prototype, so `__proto__` is an ordinary name. */
export type Form = Record<string, string | string[]>;

/** The fields of a form body; null if it exceeds the limits. */
export function parseForm(body: Buffer): Form | null {
  let fields = 1;
  for (let at = body.indexOf(0x26); at !== -1; at = body.indexOf(0x26, at + 1)) {
    fields += 1;
    if (fields > fieldLimit) return null;
  }
  // Without `maxKeys: 0` the parser would silently drop fields.
  const form = parse(body.toString('utf8'), '&', '=', { maxKeys: 0 }) as Form;
  return Object.keys(form).some((name) => name.length > nameLimit) ? null : form;
}
