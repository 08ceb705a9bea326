import t from 'tap';
import { changesOfSample, named, nowMs } from './deliveries.js';

const nowNs = BigInt(nowMs) * 1_000_000n;

const [stripe, square, docusign, twilio] = [
  named('stripe'),
  named('square'),
  named('docusign'),
  named('twilio'),
];

t.test('Stripe: ids are texts or expanded objects, and link invoice and payment', async (t) => {
  const invoice = { entity: 'invoice', externalId: 'in_1' };
  const payment = { entity: 'payment', externalId: 'pi_1' };
  for (const payment_intent of ['pi_1', { id: 'pi_1', object: 'payment_intent' }])
    t.same(changesOfSample(stripe, 'invoice.paid', { id: 'in_1', payment_intent }).links, {
      invoice_id: invoice,
      payment_id: payment,
    });
  const payments = { data: [{ payment: { type: 'payment_intent', payment_intent: 'pi_1' } }] };
  t.same(
    changesOfSample(stripe, 'invoice.paid', { payments }).links.payment_id,
    payment,
    'as newer API versions write it',
  );
  const { changes, links } = changesOfSample(stripe, 'payment_intent.succeeded', {
    id: 'pi_1',
    invoice: { id: 'in_1' },
  });
  t.match(changes[1], { entity: 'invoice_payment', refs: { invoice_id: invoice, payment_id: payment } });
  t.same(links, { invoice_id: invoice, payment_id: payment });
  t.equal(changes[0]?.fields.own_paid_at, new Date(nowMs).toISOString());
});

t.test('Stripe: a later state wins over a later time', async (t) => {
  const order = (type: string, overrides = {}) =>
    changesOfSample(stripe, type, overrides).changes[0]?.order.rank;
  t.same(
    ['draft', 'open', 'uncollectible', 'paid', 'void', 'from_the_future', null, 'constructor'].map((status) =>
      order('invoice.created', { status }),
    ),
    [0, 1, 2, 3, 3, 0, 0, 0],
  );
  t.equal(order('invoice.created', { $event: { type: 'invoice.deleted' } }), 4);
  t.same(
    ['requires_action', 'processing', 'requires_capture', 'succeeded', 'canceled'].map((status) =>
      order('payment_intent.created', { status }),
    ),
    [0, 0, 1, 2, 2],
  );
});

t.test('an event without an object changes nothing; an invalid amount is an error', async (t) => {
  const upcoming = changesOfSample(stripe, 'invoice.created', {
    id: undefined,
    $event: { type: 'invoice.upcoming' },
  });
  t.equal(upcoming.ignored, 'no_object');
  const nameless = { type: 'invoice.deleted', data: { type: 'invoice', deleted: true } };
  t.equal(changesOfSample(square, 'invoice.canceled', { $event: nameless }).ignored, 'no_object');
  t.equal(
    changesOfSample(stripe, 'invoice.paid', { $event: { type: 'invoice_payment.paid' } }).ignored,
    'no_object',
    'an invoice is not what this type brings',
  );
  t.equal(
    changesOfSample(stripe, 'invoice.paid', { $event: { type: 'invoiceitem.created' } }).ignored,
    'type_not_handled',
  );
  for (const amount of ['12', 1.5, null, {}, Number.MAX_SAFE_INTEGER + 1]) {
    t.throws(
      () => changesOfSample(stripe, 'invoice.paid', { amount_due: amount }),
      /amount_due is not a whole number/,
    );
    t.throws(
      () => changesOfSample(stripe, 'payment_intent.created', { amount }),
      /amount is not a whole number/,
    );
    const money = { amount, currency: 'USD' };
    t.throws(() => changesOfSample(square, 'payment.created', { total_money: money }), /total_money is not/);
    const alone = { amount_money: money, total_money: undefined };
    t.throws(() => changesOfSample(square, 'payment.created', alone), /amount_money is not/);
    const payment_requests = [{ computed_amount_money: money }];
    t.throws(
      () => changesOfSample(square, 'invoice.created', { payment_requests }),
      /computed_amount_money is not/,
    );
  }
});

t.test('Square: an invoice sums its payment requests; the version decides', async (t) => {
  const part = (due: number, paid: number) => ({
    due_date: '2030-01-24',
    computed_amount_money: { amount: due, currency: 'USD' },
    total_completed_amount_money: { amount: paid, currency: 'USD' },
  });
  const { changes } = changesOfSample(square, 'invoice.published', {
    payment_requests: [part(100, 100), part(50, 0)],
  });
  t.match(changes[0], {
    order: { rank: 1 },
    fields: { amount_due: 150, amount_paid: 100, amount_remaining: 50, due_at: '2030-01-24T00:00:00.000Z' },
  });
  const empty = changesOfSample(square, 'invoice.created', {
    payment_requests: undefined,
    version: undefined,
  });
  t.match(empty.changes[0], {
    order: { rank: 0, timeNs: nowNs },
    fields: { amount_due: null, amount_remaining: null },
  });
});

t.test('Square: payments are ordered by time, to the nanosecond', async (t) => {
  const order = (updated_at: string, status = 'APPROVED') =>
    changesOfSample(square, 'payment.updated', { updated_at, status }).changes[0]?.order;
  t.match(order('2026-09-01T12:30:00.000000001Z'), { rank: 0, timeNs: nowNs + 1n, step: [1, 1, 0, 0] });
  t.match(order('2026-09-01T12:30:00.000001Z', 'COMPLETED'), {
    rank: 0,
    timeNs: nowNs + 1000n,
    step: [1, 2, 0, 0],
  });
});

t.test('DocuSign: the later status of event and envelope counts', async (t) => {
  const envelope = (type: string, overrides = {}) => changesOfSample(docusign, type, overrides).changes[0];
  t.match(envelope('envelope-sent', { status: 'completed' }), { fields: { status: 'completed' } });
  t.match(envelope('envelope-completed', { status: 'delivered' }), { fields: { status: 'completed' } });
  const resent = envelope('envelope-sent', { status: 'sent', $event: { event: 'envelope-resent' } });
  t.match(resent, { fields: { status: 'sent' }, order: { rank: 2, timeNs: nowNs } });
  const bare = envelope('envelope-completed', { envelopeSummary: undefined });
  t.match(bare, {
    fields: { status: 'completed', completed_at: new Date(nowMs).toISOString() },
    order: { rank: 10, timeNs: nowNs + 678_900n },
  });
  const voided = envelope('envelope-voided', { voidedReason: 'Wrong\u0000 document' });
  t.match(voided, { fields: { voided_reason: 'Wrong document' } });
});

t.test('DocuSign: recipients follow the envelope and their own events', async (t) => {
  const { changes } = changesOfSample(docusign, 'envelope-declined', { id: 'env_1' });
  t.same(
    changes.map(({ externalId, fields }) => [externalId, fields.status]),
    [
      ['env_1', 'declined'],
      ['env_1|1', 'declined'],
      ['env_1|2', 'delivered'],
      ['env_1', undefined], // a list of recipients
    ],
  );
  const alone = changesOfSample(docusign, 'envelope-sent', {
    id: 'env_1',
    recipientId: '2',
    envelopeSummary: undefined,
    $event: { event: 'recipient-completed' },
  });
  t.match(alone.changes, [
    {
      externalId: 'env_1|2',
      fields: { status: 'completed', signed_at: new Date(nowMs).toISOString() },
      refs: { envelope_id: { entity: 'envelope', externalId: 'env_1' } },
    },
  ]);
});

t.test('Twilio: both directions belong to one conversation', async (t) => {
  const conversation = { entity: 'conversation', externalId: '+1200|+1300' };
  const out = changesOfSample(twilio, 'status:sent', { From: '+1200', To: '+1300' });
  const inn = changesOfSample(twilio, 'inbound', {
    From: '+1300',
    To: '+1200',
    Body: 'Yes\u0000 😀',
    NumMedia: '1',
    MediaUrl0: 'u',
  });
  for (const { changes, links } of [out, inn]) {
    t.same(links.conversation_id, conversation);
    t.match(changes[0], { ...conversation, order: { rank: -1 }, fields: {} });
    t.same(changes[1]?.refs, { conversation_id: conversation });
  }
  t.match(inn.changes[1]?.fields, { direction: 'inbound', body: 'Yes 😀', media: [{ url: 'u' }] });
  const long = changesOfSample(twilio, 'inbound', { Body: 'x'.repeat(70_000) });
  t.equal(String(long.changes[1]?.fields.body).length, 65_536);
  t.equal(
    changesOfSample(twilio, 'status:sent', { From: 'a|b' }).changes.length,
    1,
    'no conversation without two numbers',
  );
});

t.test('Twilio: an unknown status is stored, and undoes nothing', async (t) => {
  const order = (MessageStatus: string) =>
    changesOfSample(twilio, 'status:sent', { MessageStatus }).changes[1]?.order.rank;
  t.same(
    ['brand_new', 'constructor', 'queued', 'sending', 'sent', 'delivered', 'read'].map(order),
    [0, 0, 1, 2, 3, 4, 5],
  );
});

t.test('a form is stored as JSON, with lists for repeated fields', async (t) => {
  t.equal(twilio.toJson(Buffer.from('a=1&b=2&a=%C3%A9&c=')), '{"a":["1","é"],"b":"2","c":""}');
  for (const provider of [stripe, square, docusign]) {
    t.equal(provider.toJson(Buffer.from('{ "a": 1 }')), '{ "a": 1 }');
    t.equal(provider.toJson(Buffer.from('{')), null);
  }
});
