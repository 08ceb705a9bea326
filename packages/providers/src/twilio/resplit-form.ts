import { field } from './fields.js';
import type { Form } from './form.js';

/**
 * Twilio signs the sorted names and values of a form, concatenated without separators. So a captured form can be split at other
 * places (`MessageStatu=sdelivered`, `ErrorCod=e30008`) and still be authentic, but would be another event. This detects such
 * forms by the text around the fields that identify the event.
 */
export function isResplit(fields: Form, inbound: boolean): boolean {
  const isAbsent = (name: string) => !Object.hasOwn(fields, name);
  // `Body` is free text and may contain a field's name. A callback has no such field.
  const hides = (name: string) => isHidden(fields, name, inbound ? 'Body' : null);
  if (['MessageSid', 'SmsSid', ...statusNames].some(hides)) return true;
  if (!inbound && detailNames.filter(isAbsent).some(hides)) return true;
  const read = inbound
    ? statusNames.filter((name) => field(fields, name) === '')
    : [...statusNames, ...detailNames];
  return read.some((name) => isSplitEarly(fields, name));
}

export const statusNames = ['MessageStatus', 'SmsStatus'] as const;
const detailNames = ['ErrorCode', 'RawDlrDoneDate'];

/** Twilio's longer field names with the same ending, such as `OriginalRepliedMessageSid`, are allowed. */
const longerName = /^[A-Z][A-Za-z]+(?:MessageSid|MessageStatus|SmsStatus)$/;

/** True if the name occurs in the signed text other than as the name of its field. */
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

/** True if the next name holds the end of this field's value: Twilio's names never begin in lower case. */
function isSplitEarly(fields: Form, name: string): boolean {
  const names = Object.keys(fields).sort();
  const at = names.indexOf(name);
  return at !== -1 && /^[a-z_]/.test(names[at + 1] ?? '');
}
