import { randomUUID } from 'node:crypto';
import { assertEventId, type Provider } from '@semel/core';
import t from 'tap';
import { eventOf, listShared, named, noConformanceData, readExample, readShared } from './deliveries.js';

const skip = noConformanceData;

/** The kinds of objects that the event changes. */
function entitiesChangedBy(provider: Provider, value: unknown, channel: string | null = null): string {
  const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  const event = eventOf(provider, body, channel);
  assertEventId(event.eventId);
  const { changes, ignored } = provider.changesOf(event, body);
  return ignored ?? changes.map((change) => change.entity).join(',');
}

/** Each handled kind of Stripe object, with an event type that contains it. */
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
  const envelope = readExample('stripe', 'event.json');
  t.equal(entitiesChangedBy(stripe, envelope), 'type_not_handled');
  for (const file of listShared('events', 'stripe').filter((name) => name !== 'event.json')) {
    const object = readExample('stripe', file);
    const [type = `${object.object}.updated`, due = 'type_not_handled'] = acted[object.object] ?? [];
    t.equal(entitiesChangedBy(stripe, { ...envelope, type, data: { object } }), due, file);
    t.match(
      entitiesChangedBy(stripe, { ...envelope, type: 'invoice.paid', data: { object } }),
      /^(invoice|no_object)$/,
    );
  }
  for (const file of listShared('events', 'stripe', 'thin')) {
    const event = readExample('stripe', 'thin', file);
    const id = event.id.startsWith('evt_') ? event.id : 'evt_placeholder';
    t.equal(entitiesChangedBy(stripe, { ...event, id }), 'type_not_handled', file);
  }
});

t.test('Square: every example of the documentation', { skip }, async (t) => {
  const square = named('square');
  for (const file of listShared('events', 'square')) {
    const example = readExample('square', file);
    for (const event of example.events ?? [example]) {
      const kind = /^(invoice|payment|refund|dispute)\./.exec(event.type)?.[1] ?? 'type_not_handled';
      t.equal(
        entitiesChangedBy(square, { ...event, event_id: randomUUID() }),
        kind,
        `${file}: ${event.type}`,
      );
      t.ok(eventOf(square, Buffer.from(JSON.stringify(event)), null).createdAtMs, 'has a time');
    }
  }
});

t.test('DocuSign: a real retry, and the official message with every field', { skip }, async (t) => {
  const docusign = named('docusign');
  t.equal(
    entitiesChangedBy(docusign, readShared('events', 'docusign', 'envelope-completed.retry3.json')),
    'envelope',
  );
  const sample = readExample('docusign', 'connect.schema-v2.json');
  t.throws(
    () => entitiesChangedBy(docusign, sample),
    { code: 'malformed' } as never,
    'as it is, its event has no name',
  );
  t.match(entitiesChangedBy(docusign, { ...sample, event: 'envelope-completed' }), /^envelope(,recipient)*$/);
});

t.test('Twilio: a real inbound message, callbacks, and forms from alerts', { skip }, async (t) => {
  const twilio = named('twilio');
  const inbound = readShared('events', 'twilio', 'inbound-sms.form.txt');
  t.equal(entitiesChangedBy(twilio, inbound, 'inbound'), 'conversation,message');
  for (const file of listShared('events', 'twilio', 'synthetic'))
    t.equal(
      entitiesChangedBy(twilio, readShared('events', 'twilio', 'synthetic', file), 'status'),
      'conversation,message',
      file,
    );
  for (const file of listShared('events', 'twilio', 'monitor')) {
    const variables = readExample('twilio', 'monitor', file).request_variables;
    if (typeof variables !== 'string') continue;
    // These alerts are about calls: authentic, but without a message there is no event key.
    if (!/(^|&)MessageSid=/.test(variables))
      t.throws(() => entitiesChangedBy(twilio, variables, 'status'), { code: 'malformed' } as never, file);
  }
});
