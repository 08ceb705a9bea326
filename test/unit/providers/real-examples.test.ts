import { randomUUID } from 'node:crypto';
import { assertEventId, type Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';
import { eventOf, listShared, noConformanceData, readShared } from './deliveries.js';

const named = (name: string) => providerNamed(name) as Provider;
const read = (...path: string[]) => JSON.parse(readShared('events', ...path));
const skip = noConformanceData;

/** Names the event and asks the rule; returns the kinds of objects that change. */
function ruled(provider: Provider, value: unknown, channel: string | null = null): string {
  const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  const event = eventOf(provider, body, channel);
  assertEventId(event.eventId);
  const { changes, ignored } = provider.changesOf(event, body);
  return ignored ?? changes.map((change) => change.entity).join(',');
}

/** Each kind of object of Stripe's that is acted on, by a type that brings it. */
const acted: Record<string, [type: string, entities: string]> = {
  invoice: ['invoice.updated', 'invoice'],
  payment_intent: ['payment_intent.processing', 'payment'],
  charge: ['charge.updated', 'payment,charge'],
  refund: ['refund.updated', 'refund'],
  dispute: ['charge.dispute.updated', 'dispute'],
  'checkout.session': ['checkout.session.completed', 'checkout_session'],
};

t.test('Stripe: the event, and each resource in an event', { skip }, async (t) => {
  const stripe = named('stripe');
  const envelope = read('stripe', 'event.json');
  t.equal(ruled(stripe, envelope), 'type_not_handled');
  for (const file of listShared('events', 'stripe').filter((name) => name !== 'event.json')) {
    const object = read('stripe', file);
    const [type = `${object.object}.updated`, due = 'type_not_handled'] = acted[object.object] ?? [];
    t.equal(ruled(stripe, { ...envelope, type, data: { object } }), due, file);
    t.match(ruled(stripe, { ...envelope, type: 'invoice.paid', data: { object } }), /^(invoice|no_object)$/);
  }
  for (const file of listShared('events', 'stripe', 'thin')) {
    const event = read('stripe', 'thin', file);
    const id = event.id.startsWith('evt_') ? event.id : 'evt_placeholder';
    t.equal(ruled(stripe, { ...event, id }), 'type_not_handled', file);
  }
});

t.test('Square: every example of the documentation', { skip }, async (t) => {
  const square = named('square');
  for (const file of listShared('events', 'square')) {
    const example = read('square', file);
    for (const event of example.events ?? [example]) {
      const kind = /^(invoice|payment|refund|dispute)\./.exec(event.type)?.[1] ?? 'type_not_handled';
      t.equal(ruled(square, { ...event, event_id: randomUUID() }), kind, `${file}: ${event.type}`);
      t.ok(eventOf(square, Buffer.from(JSON.stringify(event)), null).createdAtMs, 'has a time');
    }
  }
});

t.test('DocuSign: a real retry, and the official message with every field', { skip }, async (t) => {
  const docusign = named('docusign');
  t.equal(ruled(docusign, readShared('events', 'docusign', 'envelope-completed.retry3.json')), 'envelope');
  const sample = read('docusign', 'connect.schema-v2.json');
  t.throws(() => ruled(docusign, sample), { code: 'malformed' } as never, 'as it is, its event has no name');
  t.match(ruled(docusign, { ...sample, event: 'envelope-completed' }), /^envelope(,recipient)*$/);
});

t.test('Twilio: a real inbound message, callbacks, and what alerts keep of them', { skip }, async (t) => {
  const twilio = named('twilio');
  const inbound = readShared('events', 'twilio', 'inbound-sms.form.txt');
  t.equal(ruled(twilio, inbound, 'inbound'), 'conversation,message');
  for (const file of listShared('events', 'twilio', 'synthetic'))
    t.equal(
      ruled(twilio, readShared('events', 'twilio', 'synthetic', file), 'status'),
      'conversation,message',
      file,
    );
  for (const file of listShared('events', 'twilio', 'monitor')) {
    const variables = read('twilio', 'monitor', file).request_variables;
    if (typeof variables !== 'string') continue;
    // These alerts are about calls: authentic, but without a message there is no event key.
    if (!/(^|&)MessageSid=/.test(variables))
      t.throws(() => ruled(twilio, variables, 'status'), { code: 'malformed' } as never, file);
  }
});
