import type { Sample } from '@semel/core';
import { type BuildOptions, hexAlphabet, randomText } from '../sample.js';

const ours = '+12015550100';
const theirs = '+12015550123';

type Fields = Record<string, unknown>;

/**
 * Overrides: the form's fields; a list repeats the field, `undefined` takes it away. `id` is short for `MessageSid`
 * and `SmsSid` together. There is no envelope: the event id follows from sid, status, error code and date.
 */
function build(fields: (options: { sid: string; account: string }) => Fields) {
  return ({ account, overrides }: BuildOptions) => {
    const { id, $event: _, ...given } = overrides ?? {};
    const sid = String(id ?? given.MessageSid ?? `SM${randomText(32, hexAlphabet)}`);
    const form = new URLSearchParams();
    const all = { ...fields({ sid, account: account ?? `AC${'0'.repeat(32)}` }), ...given };
    for (const [name, value] of Object.entries(all))
      for (const item of [value].flat()) if (item !== undefined) form.append(name, String(item));
    return { body: Buffer.from(form.toString()), contentType: 'application/x-www-form-urlencoded' };
  };
}

const status = (name: string, description: string, extra: Fields = {}): Sample => ({
  type: `status:${name}`,
  channel: 'status',
  description,
  build: build(({ sid, account }) => ({
    AccountSid: account,
    ApiVersion: '2010-04-01',
    ...extra,
    From: ours,
    MessageSid: sid,
    MessageStatus: name,
    MessagingServiceSid: `MG${'0'.repeat(31)}1`,
    SmsSid: sid,
    SmsStatus: name,
    To: theirs,
  })),
});

export const samples: readonly Sample[] = [
  status('queued', 'The message waits at Twilio'),
  status('sent', 'The carrier has the message'),
  status('delivered', 'The carrier says that it arrived', { RawDlrDoneDate: '2609011230' }),
  status('undelivered', 'The carrier could not deliver it', {
    ErrorCode: '30003',
    RawDlrDoneDate: '2609011231',
  }),
  status('failed', 'Twilio could not send it', { ErrorCode: '30008' }),
  {
    type: 'inbound',
    channel: 'inbound',
    description: 'A client wrote to us',
    build: build(({ sid, account }) => ({
      ToCountry: 'US',
      ToState: 'NJ',
      SmsMessageSid: sid,
      NumMedia: '0',
      ToCity: '',
      FromZip: '00000',
      SmsSid: sid,
      FromState: 'NJ',
      SmsStatus: 'received',
      FromCity: 'SPRINGFIELD',
      Body: 'Thank you, I will sign the letter today. Is Thursday at 10 still good?',
      FromCountry: 'US',
      To: ours,
      MessagingServiceSid: `MG${'0'.repeat(31)}1`,
      ToZip: '',
      NumSegments: '1',
      MessageSid: sid,
      AccountSid: account,
      From: theirs,
      ApiVersion: '2010-04-01',
    })),
  },
];
