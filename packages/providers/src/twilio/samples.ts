import type { Sample } from '@semel/core';
import { type BuildOptions, hexAlphabet, randomText } from '../sample.js';

const ours = '+12015550100';
const theirs = '+12015550123';

type Fields = Record<string, unknown>;

/**
 * Overrides: the form's fields; a list repeats the field, `undefined` removes it. `id` is short for `MessageSid`
 * and `SmsSid` together. There is no envelope: the event id follows from sid, status, error code and date.
 */
function build(fields: (options: { sid: string; account: string }) => Fields, prefix = 'SM') {
  return ({ account, overrides }: BuildOptions) => {
    const { id, $event: _, ...given } = overrides ?? {};
    const sid = String(id ?? given.MessageSid ?? `${prefix}${randomText(32, hexAlphabet)}`);
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

/** The sid of a message with media begins differently. */
const inbound = (type: string, description: string, extra: Fields = {}, prefix = 'SM'): Sample => ({
  type,
  channel: 'inbound',
  description,
  build: build(
    ({ sid, account }) => ({
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
      ...extra,
    }),
    prefix,
  ),
});

export const samples: readonly Sample[] = [
  status('accepted', 'The messaging service has the message'),
  status('scheduled', 'The message goes out later'),
  status('queued', 'The message waits at Twilio'),
  status('sending', 'The message is on its way to the carrier'),
  status('sent', 'The carrier has the message'),
  status('delivered', 'The carrier says that it arrived', { RawDlrDoneDate: '2609011230' }),
  status('partially_delivered', 'It reached some of those that it is for'),
  status('undelivered', 'The carrier could not deliver it', {
    ErrorCode: '30003',
    RawDlrDoneDate: '2609011231',
  }),
  status('failed', 'Twilio could not send it', { ErrorCode: '30008' }),
  status('read', 'They have read it (WhatsApp, RCS)', {
    EventType: 'READ',
    From: `whatsapp:${ours}`,
    To: `whatsapp:${theirs}`,
  }),
  status('canceled', 'We took back a message that was scheduled'),
  inbound('inbound', 'A client wrote to us'),
  inbound(
    'inbound:mms',
    'A client sent two photos',
    {
      Body: '',
      NumMedia: '2',
      MediaContentType0: 'image/jpeg',
      MediaContentType1: 'image/png',
      MediaUrl0: mediaUrl('1'),
      MediaUrl1: mediaUrl('2'),
    },
    'MM',
  ),
  inbound('inbound:stop', 'A client wants no more messages', { Body: 'STOP', OptOutType: 'STOP' }),
  inbound('inbound:start', 'A client wants messages again', { Body: 'Start', OptOutType: 'START' }),
  inbound('inbound:help', 'A client asks for help: the opt-out stays as it is', {
    Body: 'HELP',
    OptOutType: 'HELP',
  }),
];

function mediaUrl(last: string): string {
  return `https://api.twilio.com/2010-04-01/Accounts/AC${'0'.repeat(32)}/Messages/MM${'0'.repeat(32)}/Media/ME${'0'.repeat(31)}${last}`;
}
