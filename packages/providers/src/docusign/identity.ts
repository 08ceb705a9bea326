import { createHash } from 'node:crypto';
import { type Identity, RejectedError } from '@semel/core';
import { lineOf, typeOf } from '../clean-text.js';
import { asObject, type JsonObject, parseObject, quoteMembers, textOf } from '../json.js';
import { millisOf } from '../time.js';
import { identifyOther } from './other-message.js';

/**
 * Connect sends no event id, and the body changes with every retry (`retryCount`), so the id is derived from the six values
 * that identify an event of an envelope. If `generatedDateTime` changed on a retry, which is not documented, the retry would be
 * a second event with the same effect. Account and envelope are GUIDs, so the id is unique among all accounts.
 */
export function identify(body: Buffer): Identity {
  const message = parseObject(body);
  if (message === null) throw malformed();
  const written = (name: string, inData: boolean) => writtenValue(message, body, name, inData);
  const accountId = written('accountId', true);
  const envelopeId = written('envelopeId', true);
  const event = written('event', false);
  const generatedDateTime = written('generatedDateTime', false);
  const name = [
    accountId,
    written('configurationId', false),
    envelopeId,
    written('recipientId', true),
    event,
    generatedDateTime,
  ];
  const isNamed = accountId && envelopeId && event && lineOf(accountId) === accountId && !name.includes(null);
  if (!isNamed && event && !/^(envelope|recipient)-/.test(event)) return identifyOther(message, body);
  if (!isNamed) throw malformed();
  return {
    eventId: `ds_${createHash('sha256').update(JSON.stringify(name)).digest('hex').slice(0, 40)}`,
    type: typeOf(event),
    account: accountId,
    livemode: null,
    createdAtMs: millisOf(generatedDateTime),
  };
}

/**
 * A value as it is written in the body: `configurationId` is a number that JavaScript might round. '' if it is absent, null if
 * it can't be part of a name.
 */
function writtenValue(message: JsonObject, body: Buffer, name: string, inData: boolean): string | null {
  const read = (from: JsonObject | null) => (inData ? asObject(from?.data) : from)?.[name];
  const value = read(message);
  if (value === undefined || value === null) return '';
  const text =
    typeof value !== 'number'
      ? value
      : Number.isSafeInteger(value)
        ? String(value)
        : read(asObject(JSON.parse(quoteMembers(textOf(body), name))));
  return typeof text === 'string' && text.length <= 200 ? text : null;
}

const malformed = () =>
  new RejectedError('malformed', 'The body does not name a DocuSign account, envelope and event');
