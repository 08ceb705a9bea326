import { type Identity, RejectedError } from '@semel/core';
import { lineOf } from '../clean-text.js';
import { parseObject } from '../json.js';
import { isCutAnew, statusNames } from './cut-anew.js';
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
  const sid = sidOf(fields);
  const status = statusNames.map((name) => field(fields, name)).find((text) => text !== '') ?? '';
  const inbound = isInbound(fields, status, channel);
  // JSON is signed byte by byte, by its hash.
  const isJson = body[0] === 0x7b && parseObject(body) !== null;
  if (!isJson && isCutAnew(fields, inbound)) throw malformed();
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
 * The signed fields decide: a status URL may be registered for messages, or one URL for both. Only messages to us are ever
 * `received`. A form without a status is a message if it has the fields of one; the path is asked last.
 */
const isInbound = (fields: Form, status: string, channel: string | null): boolean =>
  status === '' ? 'Body' in fields || 'NumMedia' in fields || channel === 'inbound' : status === 'received';

function detail(fields: Form, name: string, mark: string): string {
  const value = field(fields, name);
  if (value === '') return '';
  // Twilio sends digits. A capitalised word is the name of the next field, see `isCutAnew`.
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(value) || /[A-Z][a-z]/.test(value)) throw malformed();
  return `.${mark}${value}`;
}

const malformed = () =>
  new RejectedError('malformed', 'The body does not name a Twilio message and its status');
