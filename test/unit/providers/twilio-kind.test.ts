import type { Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';
import type { Pair } from './cut-anew.js';
import { eventOf } from './deliveries.js';
import { bodyOf, callback, message, sid, whatsapp } from './twilio-forms.js';

// A form's kind follows from its signed fields. The request's path only shows which URL was registered.

const twilio = providerNamed('twilio') as Provider;
const channels = ['status', 'inbound'];
const malformed = { name: 'SemelError', code: 'malformed' } as never;

const jsonOf = (pairs: readonly Pair[]) => Buffer.from(JSON.stringify(Object.fromEntries(pairs)));

/** The event and its changes, on each path and with each kind of body: the same four times. */
function readingsOf(pairs: readonly Pair[]) {
  return channels.flatMap((channel) =>
    [bodyOf(pairs), jsonOf(pairs)].map((body) => {
      const event = eventOf(twilio, body, channel);
      const changes = twilio.changesOf(event, body).changes;
      const fields = changes.find(({ entity }) => entity === 'message')?.fields;
      const optOut = changes.find(({ entity }) => entity === 'opt_out')?.fields.opted_out;
      return { id: event.eventId, type: event.type, reply: twilio.replyTo?.(event), fields, optOut };
    }),
  );
}

const callbacks: Record<string, [Pair[], id: string, status: string]> = {
  sent: [callback('sent'), `${sid}.sent`, 'sent'],
  'with error and date': [
    callback('undelivered', { ErrorCode: '30003', RawDlrDoneDate: '2609011230' }),
    `${sid}.undelivered.e30003.d2609011230`,
    'undelivered',
  ],
  'without SmsStatus': [callback('read', { SmsStatus: null }), `${sid}.read`, 'read'],
  'with SmsStatus alone': [callback('delivered', { MessageStatus: null }), `${sid}.delivered`, 'delivered'],
  'with older names alone': [
    callback('sent', { MessageSid: null, MessageStatus: null }),
    `${sid}.sent`,
    'sent',
  ],
  'with an empty MessageStatus': [callback('failed', { MessageStatus: '' }), `${sid}.failed`, 'failed'],
  'of a status to come': [callback('teleported'), `${sid}.teleported`, 'teleported'],
  'with the text of our message': [callback('sent', { Body: 'STOP', NumMedia: '0' }), `${sid}.sent`, 'sent'],
};

for (const [what, [pairs, id, status]] of Object.entries(callbacks))
  t.test(`a callback ${what} is a callback on every path`, async (t) => {
    for (const reading of readingsOf(pairs))
      t.match(reading, {
        id,
        type: `status:${status}`,
        reply: 'json',
        fields: { direction: 'outbound', status, body: null },
        optOut: undefined,
      });
  });

const messages: Record<string, [Pair[], body: string, optOut: boolean | undefined]> = {
  'with text': [message('Hello'), 'Hello', undefined],
  STOP: [message('stop'), 'stop', true],
  'STOP by Advanced Opt-Out': [message('ARRET', { OptOutType: 'STOP' }), 'ARRET', true],
  START: [message('START'), 'START', false],
  'of WhatsApp': [message('Hello', whatsapp), 'Hello', undefined],
  'of RCS': [message('Hello', { From: 'rcs:+12015550123', To: 'rcs:acme_agent' }), 'Hello', undefined],
  'with photos alone': [message('', { NumMedia: '1', MediaUrl0: 'https://x.test/1' }), '', undefined],
  'without a status': [message('STOP', { SmsStatus: null }), 'STOP', true],
  'without a text or a status': [message('', { Body: null, SmsStatus: null }), '', undefined],
  'with older names alone': [message('Hello', { MessageSid: null }), 'Hello', undefined],
  'whose status has the newer name': [
    message('Hello', { MessageStatus: 'received', SmsStatus: null }),
    'Hello',
    undefined,
  ],
  'with both names': [message('Hello', { MessageStatus: 'received' }), 'Hello', undefined],
};

for (const [what, [pairs, body, optOut]] of Object.entries(messages))
  t.test(`a message ${what} is a message on every path`, async (t) => {
    for (const reading of readingsOf(pairs)) {
      t.match(reading, { id: `${sid}.inbound`, type: 'inbound', reply: 'twiml' });
      t.match(reading.fields, { direction: 'inbound', status: 'received' });
      t.equal(reading.fields?.body ?? '', body);
      t.equal(reading.optOut, optOut);
    }
  });

t.test('the path decides only if no field does', async (t) => {
  const bare = bodyOf([
    ['MessageSid', sid],
    ['From', '+12015550123'],
  ]);
  t.equal(twilio.identify(bare, 'inbound').eventId, `${sid}.inbound`);
  t.throws(() => twilio.identify(bare, 'status'), malformed);
});

t.test('a field with two values is malformed on every path', async (t) => {
  for (const [name, text] of [
    ['MessageStatus', 'delivered'],
    ['SmsStatus', 'received'],
    ['SmsStatus', ''],
    ['MessageSid', `SM${'1b'.repeat(16)}`],
  ] as const)
    for (const channel of channels)
      t.throws(
        () => twilio.identify(bodyOf([...callback('sent'), [name, text]]), channel),
        malformed,
        `${name}=${text}`,
      );
});

t.test('an event queued by an older release keeps its id', async (t) => {
  const body = bodyOf(callback('sent'));
  const queued = { ...eventOf(twilio, body, 'inbound'), type: 'inbound', eventId: `${sid}.inbound` };
  const [message] = twilio.changesOf(queued, body).changes.filter(({ entity }) => entity === 'message');
  t.match(message?.fields, { direction: 'inbound', status: 'received' });
});
