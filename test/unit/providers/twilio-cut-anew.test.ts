import type { Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import fc from 'fast-check';
import t from 'tap';
import { cutsAnew, type Pair, signedText } from './cut-anew.js';
import { bodyOf, callback, message, otherSid, sid, whatsapp } from './twilio-forms.js';

// Twilio's signature does not mark where a name ends and its value begins. A captured form can be sent with other
// splits, and is authentic. It must then be the same event, or none.

const twilio = providerNamed('twilio') as Provider;
const secret = twilio.newSecret();
const malformed = { name: 'SemelError', code: 'malformed' } as never;
const channels = ['status', 'inbound'];

/** The event of a form on each path; null: not an event on this path. */
const eventsOf = (pairs: readonly Pair[]): (string | null)[] =>
  channels.map((channel) => {
    try {
      return twilio.identify(bodyOf(pairs), channel).eventId;
    } catch {
      return null;
    }
  });

const forms: Record<string, Pair[]> = {
  'a callback': callback('sent'),
  'a callback with a date': callback('delivered', { RawDlrDoneDate: '2609011230' }),
  'a callback with an error': callback('failed', { ErrorCode: '30008' }),
  'a callback with both': callback('undelivered', { ErrorCode: '30003', RawDlrDoneDate: '2609011230' }),
  'a status of two words': callback('partially_delivered'),
  'a callback of WhatsApp': callback('failed', {
    ErrorCode: '63016',
    ChannelPrefix: 'whatsapp',
    ChannelStatusMessage: 'not allowed',
    EventType: 'UNDELIVERED',
  }),
  'a callback with the older names alone': callback('sent', { MessageSid: null, MessageStatus: null }),
  'a callback with the newer names alone': callback('delivered', { SmsSid: null, SmsStatus: null }),
  'a sender with a field in its name': callback('delivered', {
    From: 'BodyShop',
    RawDlrDoneDate: '2609011230',
  }),
  'a message': message('Hello'),
  'a message without a status': message('Hello', { SmsStatus: null }),
  STOP: message('STOP', { OptOutType: 'STOP' }),
  'an answer in WhatsApp': message('Hello', whatsapp),
  'a message that would be a callback': message('MessageStatussentMz'),
  'a message that would be of another sid': message(`MessageSid${otherSid}MessageStatussentMz`),
  'a message with all the fields of a callback': message(
    `MessageSid${otherSid}MessageStatussentSmsSid${otherSid}SmsStatussentT`,
  ),
  'an answer that would be a callback': message('MessageStatussentSmsStatussentT', whatsapp),
};

for (const [what, pairs] of Object.entries(forms))
  t.test(`${what}: split differently, it is the same event or none`, async (t) => {
    const own = eventsOf(pairs);
    t.match(own, [new RegExp(`^${sid}\\.`), new RegExp(`^${sid}\\.`)], 'as Twilio sends it, it is an event');
    const url = 'https://hooks.example.com/webhooks/twilio/ep_1/inbound';
    const delivery = { channel: null, headers: {}, body: bodyOf(pairs) };
    const { headers } = twilio.sign(delivery, { url, secret, nowMs: 0 });
    const property = fc.property(cutsAnew(pairs), (cut) => {
      const request = { body: bodyOf(cut), headers, url, secrets: [secret], nowMs: 0 };
      if (signedText(cut) !== signedText(pairs) || !twilio.verify(request)) throw new Error('not authentic');
      for (const [i, eventId] of eventsOf(cut).entries())
        if (eventId !== null && eventId !== own[i]) throw new Error(`${own[i]} became ${eventId}`);
    });
    t.doesNotThrow(() => fc.assert(property, { numRuns: 1000 }));
  });

t.test('splits that a forger would try first', async (t) => {
  const delivered = callback('delivered', { RawDlrDoneDate: '2609011230' });
  const older = callback('sent', { MessageSid: null, MessageStatus: null });
  const newer = callback('sent', { SmsSid: null, SmsStatus: null, MessagingServiceSid: null });
  const start = ['AccountSid', 'ApiVersion', 'From'];
  const recut: Record<string, Pair[]> = {
    'both statuses under other names': cutAt(delivered, [
      ...start,
      'MessageSid',
      'MessageStatu',
      'SmsSid',
      'SmsStatu',
    ]),
    'both in values': cutAt(delivered, [...start, 'MessagingServiceSid', 'RawDlrDoneDate', 'SmsSid']),
    'one in a name, one in a value': cutAt(delivered, [
      ...start,
      'MessageSid',
      'MessageStatusdelivered',
      'SmsSid',
    ]),
    'a date in a value': cutAt(delivered, [
      ...start,
      'MessageSid',
      'MessageStatus',
      'MessagingServiceSid',
      'SmsSid',
      'SmsStatus',
    ]),
    'a longer date': cutAt(delivered, [
      ...start,
      'MessageSid',
      'MessageStatus',
      'MessagingServiceSid',
      'RawDlrDoneDate',
      'msSid',
    ]),
    'a shorter status': cutAt(delivered, [...start, 'MessageSid', 'MessageStatus', 'edMessagingServiceSid']),
    'a shorter status under the older name': cutAt(older, [
      ...start,
      'MessagingServiceSid',
      'SmsSid',
      'SmsStatus',
      'ntTo',
    ]),
    'an older name without its text': cutAt(older, [
      ...start,
      'MessagingServiceSid',
      'SmsSid',
      'SmsStatus',
      'sentTo',
    ]),
    'a newer name without its text': cutAt(newer, [...start, 'MessageSid', 'MessageStatus', 'sentTo']),
    'the sid of the message that is answered': cutAt(message('Hello', whatsapp), [
      'AccountSid',
      'FromZip',
      'OriginalReplied|MessageSid',
      'SmsSid',
      'SmsStatus',
      'To',
    ]),
  };
  for (const [what, pairs] of Object.entries(recut))
    for (const channel of channels)
      t.throws(() => twilio.identify(bodyOf(pairs), channel), malformed, `${what}, ${channel}`);
});

/** The same signed text split at these names in turn; `x|Name` is the `Name` that follows `x`. */
function cutAt(pairs: readonly Pair[], names: readonly string[]): Pair[] {
  const text = signedText(pairs);
  let at = 0;
  const cuts = names.map((each) => {
    const [before = '', name = before] = each.split('|');
    const found = text.indexOf(each.replace('|', ''), at) + (name === before ? 0 : before.length);
    at = found + name.length;
    return [found, at] as const;
  });
  const cut = cuts.map(
    ([name, value], i): Pair => [text.slice(name, value), text.slice(value, cuts[i + 1]?.[0])],
  );
  if (signedText(cut) !== text) throw new Error(`not the same signed text: ${names}`);
  return cut;
}

t.test('a form whose first fields are moved into the query is not authentic', async (t) => {
  const url = 'https://hooks.example.com/webhooks/twilio/ep_1/status?firm=acme';
  const pairs = callback('failed', { ErrorCode: '30008' });
  const body = bodyOf(pairs);
  const { headers } = twilio.sign({ channel: null, headers: {}, body }, { url, secret, nowMs: 0 });
  const verify = (moved: string, rest: readonly Pair[]) =>
    twilio.verify({ body: bodyOf(rest), headers, url: url + moved, secrets: [secret], nowMs: 0 });
  t.ok(verify('', pairs));
  for (const first of ['From', 'MessageSid', 'SmsSid']) {
    const rest = pairs.filter(([name]) => name >= first);
    t.notOk(verify(signedText(pairs.filter(([name]) => name < first)), rest), first);
  }
});

t.test('a form that is JSON as well is not authentic', async (t) => {
  const url = 'https://hooks.example.com/webhooks/twilio/ep_1/inbound';
  const json = `{"MessageSid":"${otherSid}","SmsStatus":"sent","x":"`;
  const { headers } = twilio.sign(
    { channel: null, headers: {}, body: bodyOf(message(`Hello"}${json}`)) },
    { url, secret, nowMs: 0 },
  );
  const start = message('').filter(([name]) => name < 'Body');
  const rest = message('').filter(([name]) => name > 'Body');
  // The same signed text: the name that begins with a brace sorts last, and its value is the whole rest.
  const forged = `${json}=${encodeURIComponent(signedText(rest))}&${bodyOf(start)}&Body=Hello"}`;
  t.equal(JSON.parse(forged).MessageSid, otherSid);
  t.notOk(twilio.verify({ body: Buffer.from(forged), headers, url, secrets: [secret], nowMs: 0 }));
});

t.test('a message may have the names of fields in its text', async (t) => {
  const text = 'MessageSid SmsSid MessageStatus SmsStatus ErrorCode RawDlrDoneDate';
  for (const channel of channels)
    for (const fields of [{}, { SmsStatus: null }, { MessageSid: null }, whatsapp])
      t.equal(twilio.identify(bodyOf(message(text, fields)), channel).eventId, `${sid}.inbound`);
});

t.test('a future field name may end in the name of a known field', async (t) => {
  const longer = { ChannelMessageStatus: 'x', ParentMessageSid: otherSid, ChannelSmsStatus: 'x' };
  t.same(eventsOf(callback('sent', longer)), [`${sid}.sent`, `${sid}.sent`]);
  t.same(eventsOf(message('Hello', longer)), [`${sid}.inbound`, `${sid}.inbound`]);
});
