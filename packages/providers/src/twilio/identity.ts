import { type Identity, RejectedError } from '@semel/core';
import { lineOf } from '../clean-text.js';
import { field, fieldsOf, isContradictory } from './fields.js';
import type { Form } from './form.js';

const keyFields = ['MessageSid', 'SmsSid', 'MessageStatus', 'SmsStatus', 'ErrorCode', 'RawDlrDoneDate'];

/**
 * Twilio sends no event id. One message has a callback for each status, so that a key without the status would
 * take `delivered` for a repetition of `sent`. `I-Twilio-Idempotency-Token` is not signed, and no part of the key.
 */
export function identify(body: Buffer, channel: string | null): Identity {
  const fields = fieldsOf(body);
  if (fields === null || keyFields.some((name) => isContradictory(fields, name))) throw malformed();
  const sid = field(fields, 'MessageSid') || field(fields, 'SmsSid');
  if (!/^(SM|MM)[0-9a-f]{32}$/.test(sid)) throw malformed();
  const about = channel === 'inbound' ? { id: 'inbound', type: 'inbound' } : statusOf(fields);
  return {
    eventId: `${sid}.${about.id}`,
    type: about.type,
    account: lineOf(field(fields, 'AccountSid')),
    livemode: null,
    createdAtMs: null,
  };
}

function statusOf(fields: Form): { id: string; type: string } {
  const status = field(fields, 'MessageStatus') || field(fields, 'SmsStatus');
  if (!/^[a-z_-]{1,32}$/.test(status)) throw malformed();
  return {
    id: `${status}${detail(fields, 'ErrorCode', 'e')}${detail(fields, 'RawDlrDoneDate', 'd')}`,
    type: `status:${status}`,
  };
}

function detail(fields: Form, name: string, mark: string): string {
  const value = field(fields, name);
  if (value === '') {
    if (isHidden(fields, name)) throw malformed();
    return '';
  }
  // Twilio sends digits. A capitalised word is the name of the next field, see below.
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(value) || /[A-Z][a-z]/.test(value)) throw malformed();
  return `.${mark}${value}`;
}

/**
 * Twilio signs names and values run together: a captured callback can be cut anew (`ErrorCod=e30008`) and still be
 * authentic. Without a look for the missing name, it would come in as another event.
 */
const isHidden = (fields: Form, name: string): boolean =>
  !Object.hasOwn(fields, name) &&
  Object.keys(fields)
    .sort()
    .map((key) => key + [...new Set([fields[key]].flat())].sort().join(key))
    .join('')
    .includes(name);

const malformed = () =>
  new RejectedError('malformed', 'The body does not name a Twilio message and its status');
