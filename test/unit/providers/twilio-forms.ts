import type { Pair } from './cut-anew.js';

export const sid = `SM${'0a'.repeat(16)}`;
export const otherSid = `MM${'1b'.repeat(16)}`;

export const bodyOf = (pairs: readonly Pair[]): Buffer =>
  Buffer.from(new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString());

/** The form with these fields added or replaced; `null` removes a field. */
export function changed(pairs: readonly Pair[], fields: Record<string, string | null>): Pair[] {
  const all = new Map<string, string | null>([...pairs, ...Object.entries(fields)]);
  return [...all].flatMap(([name, value]): Pair[] => (value === null ? [] : [[name, value]]));
}

const common: Pair[] = [
  ['AccountSid', `AC${'0'.repeat(32)}`],
  ['ApiVersion', '2010-04-01'],
  ['From', '+12015550123'],
  ['MessageSid', sid],
  ['MessagingServiceSid', `MG${'1'.repeat(32)}`],
  ['SmsSid', sid],
  ['To', '+12015550100'],
];

export const callback = (status: string, fields: Record<string, string | null> = {}): Pair[] =>
  changed(common, { MessageStatus: status, SmsStatus: status, ...fields });

export const message = (text: string, fields: Record<string, string | null> = {}): Pair[] =>
  changed(common, {
    Body: text,
    SmsStatus: 'received',
    SmsMessageSid: sid,
    NumMedia: '0',
    NumSegments: '1',
    FromCity: '',
    FromCountry: 'US',
    FromState: 'NJ',
    FromZip: '',
    ToCity: '',
    ToCountry: 'US',
    ToState: 'NJ',
    ToZip: '',
    ...fields,
  });

/** The fields that WhatsApp adds to a reply. */
export const whatsapp = {
  From: 'whatsapp:+12015550123',
  To: 'whatsapp:+12015550100',
  ChannelMetadata: '{"type":"whatsapp","data":{"context":{"ProfileName":"Ann","WaId":"12015550123"}}}',
  MessageType: 'text',
  OriginalRepliedMessageSender: 'whatsapp:+12015550100',
  OriginalRepliedMessageSid: otherSid,
  ProfileName: 'Ann',
  WaId: '12015550123',
};
