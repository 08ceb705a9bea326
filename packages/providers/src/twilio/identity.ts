import { type Identity, RejectedError } from '@semel/core';
import { lineOf } from '../clean-text.js';
import { field, fieldsOf, isContradictory, jsonObjectOf } from './fields.js';
import type { Form } from './form.js';
import { isResplit, statusNames } from './resplit-form.js';

const keyFields = ['MessageSid', 'SmsSid', 'MessageStatus', 'SmsStatus', 'ErrorCode', 'RawDlrDoneDate'];

/**
 * Twilio sends no event id. A message has a callback for each status, so a key without the status would treat `delivered` as a
 * duplicate of `sent`. A SID is unique among all accounts. (twilio.com/docs/glossary/what-is-a-sid) `I-Twilio-Idempotency-Token` is not signed, so it is not part of the key.
 */
export function identify(body: Buffer, channel: string | null): Identity {
  const fields = fieldsOf(body);
  if (fields === null || keyFields.some((name) => isContradictory(fields, name))) throw malformed();
  const sid = sidOf(fields);
  const status = statusNames.map((name) => field(fields, name)).find((text) => text !== '') ?? '';
  const inbound = isInbound(fields, status, channel);
  // The signature covers a JSON body byte by byte, through its hash.
  const isJson = jsonObjectOf(body) !== null;
  if (!isJson && isResplit(fields, inbound)) throw malformed();
  if (!inbound && !/^[a-z_-]{1,32}$/.test(status)) throw malformed();
  const details = inbound ? '' : detail(fields, 'ErrorCode', 'e') + detail(fields, 'RawDlrDoneDate', 'd');
  return {
    eventId: inbound ? `${sid}.inbound` : `${sid}.${status}${details}`,
    type: inbound ? 'inbound' : `status:${status}`,
    account: lineOf(field(fields, 'AccountSid')),
    livemode: null,
    createdAtMs: null,
  };
}

/** `SmsSid` is the older name. */
function sidOf(fields: Form): string {
  const sid = field(fields, 'MessageSid') || field(fields, 'SmsSid');
  if (!/^(SM|MM)[0-9a-f]{32}$/.test(sid)) throw malformed();
  return sid;
}

/**
 * The signed fields decide, because one URL may be registered for both kinds, or the wrong one. Only inbound messages have the
 * status `received`. A form without a status is inbound if it has a message's fields; the path decides last.
 */
const isInbound = (fields: Form, status: string, channel: string | null): boolean =>
  status === '' ? 'Body' in fields || 'NumMedia' in fields || channel === 'inbound' : status === 'received';

function detail(fields: Form, name: string, mark: string): string {
  const value = field(fields, name);
  if (value === '') return '';
  // Twilio sends digits. A capitalised word would be the next field's name, see `isResplit`.
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(value) || /[A-Z][a-z]/.test(value)) throw malformed();
  return `.${mark}${value}`;
}

const malformed = () =>
  new RejectedError('malformed', 'The body does not name a Twilio message and its status');
