import { field } from './fields.js';
import type { Form } from './form.js';

/**
 * Twilio signs the sorted names and values of a form, run together without a mark between them. A captured form can be cut
 * anew (`MessageStatu=sdelivered`, `ErrorCod=e30008`) and still be authentic. It would come in as another event, if nobody
 * looked at the text around the fields that name the event.
 */
export function isCutAnew(fields: Form, inbound: boolean): boolean {
  const isAbsent = (name: string) => !Object.hasOwn(fields, name);
  // What people write is in `Body`: there, a name is only a word. A callback has no such field.
  const hides = (name: string) => isHidden(fields, name, inbound ? 'Body' : null);
  if (['MessageSid', 'SmsSid', ...statusNames].some(hides)) return true;
  if (!inbound && detailNames.filter(isAbsent).some(hides)) return true;
  const read = inbound
    ? statusNames.filter((name) => field(fields, name) === '')
    : [...statusNames, ...detailNames];
  return read.some((name) => isCutShort(fields, name));
}

export const statusNames = ['MessageStatus', 'SmsStatus'] as const;
const detailNames = ['ErrorCode', 'RawDlrDoneDate'];

/** Other fields of Twilio's end in the same word, such as `OriginalRepliedMessageSid`. Those hide nothing. */
const longerName = /^[A-Z][A-Za-z]+(?:MessageSid|MessageStatus|SmsStatus)$/;

/** The name stands in the signed text, and not as the name of its field. */
function isHidden(fields: Form, name: string, freeText: string | null): boolean {
  const text = Object.keys(fields)
    .sort()
    .map((key) => {
      const isName = key === name || (key.endsWith(name) && longerName.test(key));
      const shown = isName ? '\n' : key;
      return shown + (key === freeText ? '\n' : [...new Set([fields[key]].flat())].sort().join(shown));
    });
  return text.join('').includes(name);
}

/** The next name has the end of this field's text: no name of Twilio's begins in lower case. */
function isCutShort(fields: Form, name: string): boolean {
  const names = Object.keys(fields).sort();
  const at = names.indexOf(name);
  return at !== -1 && /^[a-z_]/.test(names[at + 1] ?? '');
}
