import { createHash } from 'node:crypto';
import { assertEventId, type Identity, type Provider, reservedEventIds } from '@semel/core';
import fc from 'fast-check';
import t from 'tap';
import { named } from './deliveries.js';

const [stripe, square, docusign, twilio] = [
  named('stripe'),
  named('square'),
  named('docusign'),
  named('twilio'),
];
const sid = `SM${'0a'.repeat(16)}`;

const malformedError = { name: 'SemelError', code: 'malformed' } as never;

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const form = (fields: Record<string, string>) => Buffer.from(new URLSearchParams(fields).toString());

/** The receiver's event id and type. */
function name(provider: Provider, body: Buffer, channel: string | null = null): Identity {
  const identity = provider.identify(body, channel);
  assertEventId(identity.eventId);
  return identity;
}

const odd = [
  '',
  ' ',
  'a:b',
  '123',
  '12345678',
  'é',
  '..',
  '\u0000',
  'evt_\u0000',
  'evt_',
  'evt_a b',
  '\ud800',
];
const unusable = [
  ...reservedEventIds,
  ...odd,
  'x'.repeat(5000),
  `evt_${'x'.repeat(5000)}`,
  'evt_a:b',
  'evt_1\n',
];
const notTexts = [null, 1, 1e300, true, {}, [], ['evt_1'], { id: 'evt_1' }];

t.test('an id that could harm the queue, or that the provider never sends, is malformed', async (t) => {
  const malformed = (act: () => unknown, message: string) => t.throws(act, malformedError, message);
  for (const id of [...unusable, ...notTexts]) {
    const label = JSON.stringify(id).slice(0, 40);
    malformed(() => name(stripe, json({ id, object: 'event', type: 'x' })), `Stripe ${label}`);
    malformed(() => name(square, json({ event_id: id, type: 'x' })), `Square ${label}`);
    const text = String(id);
    malformed(
      () => name(twilio, form({ MessageSid: text, MessageStatus: 'sent' }), 'status'),
      `sid ${label}`,
    );
    malformed(() => name(twilio, form({ MessageSid: text }), 'inbound'), `inbound ${label}`);
    if (/^[a-z_-]{1,32}$/.test(text)) continue; // a word that could be a Twilio status
    malformed(
      () => name(twilio, form({ MessageSid: sid, MessageStatus: text }), 'status'),
      `status ${label}`,
    );
  }
  for (const body of ['', 'null', '[]', '1', '"evt_1"', '{', '{"id":"evt_1"', '\u0000', '<xml/>', 'a=b'])
    for (const provider of [stripe, square, docusign, twilio])
      for (const channel of ['status', 'inbound'])
        malformed(() => name(provider, Buffer.from(body), channel), `${provider.name} ${body}`);
});

t.test('the type is always one clean line', async (t) => {
  for (const type of [undefined, null, 1, {}, '', 'a\u0000b', 'a\nb', 'x'.repeat(256), '\ud800', '\u0085']) {
    t.equal(name(stripe, json({ id: 'evt_1', type })).type, 'unknown');
    t.equal(name(square, json({ event_id: 'abcdefgh', type })).type, 'unknown');
  }
  t.equal(name(stripe, json({ id: 'evt_1', type: 'x'.repeat(255) })).type.length, 255);
});

t.test('Stripe: snapshot and thin events', async (t) => {
  t.same(
    name(stripe, json({ id: 'evt_1', type: 'invoice.paid', created: 1, livemode: true, account: 'acct_1' })),
    { eventId: 'evt_1', type: 'invoice.paid', account: 'acct_1', livemode: true, createdAtMs: 1000 },
  );
  const thin = { id: 'evt_1', object: 'v2.core.event', type: 'v1.x', created: '2022-02-15T00:27:45.330Z' };
  t.equal(
    name(stripe, json({ ...thin, livemode: false })).createdAtMs,
    Date.UTC(2022, 1, 15, 0, 27, 45, 330),
  );
  t.equal(
    name(stripe, Buffer.concat([Buffer.from('efbbbf', 'hex'), json(thin)])).eventId,
    'evt_1',
    'after a BOM',
  );
  for (const created of ['x', -1e20, 1.5, null, {}, Number.MAX_SAFE_INTEGER])
    t.equal(name(stripe, json({ ...thin, created })).createdAtMs, null);
});

t.test('times of any precision, with and without a zone', async (t) => {
  const createdAt = (created_at: unknown) =>
    name(square, json({ event_id: 'abcdefgh', created_at })).createdAtMs;
  const noon = Date.UTC(2026, 8, 1, 12);
  const times: [unknown, number | null][] = [
    ['2026-09-01T12:00:00Z', noon],
    ['2026-09-01T12:00:00.123456789Z', noon + 123],
    ['2026-09-01T12:00:00.0000000Z', noon],
    ['2026-09-01T12:00:00.5', noon + 500],
    ['2026-09-01T14:00:00+02:00', noon],
    ['2026-09-01T04:30:00-0730', noon],
    ['2026-09-01', Date.UTC(2026, 8, 1)],
    ['2026-02-30T00:00:00Z', null],
    ['2026-13-01T00:00:00Z', null],
    ['2026-09-01T25:00:00Z', null],
    ['', null],
    ['yesterday', null],
    [1, null],
    ['9'.repeat(10_000), null],
  ];
  for (const [text, due] of times) t.equal(createdAt(text), due, String(text).slice(0, 40));
});

t.test("DocuSign: the id is derived from the body's own text", async (t) => {
  const body = (configurationId: string, retryCount = 0) =>
    Buffer.from(
      `{"note":"\\"configurationId\\":1, {\\\\","event":"envelope-sent","retryCount":${retryCount},` +
        `"configurationId":${configurationId},"generatedDateTime":"2026-01-02T03:04:05.6789012Z",` +
        `"data":{"accountId":"a","envelopeId":"e"}}`,
    );
  const due = (configurationId: string) => {
    const text = JSON.stringify([
      'a',
      configurationId,
      'e',
      '',
      'envelope-sent',
      '2026-01-02T03:04:05.6789012Z',
    ]);
    return `ds_${createHash('sha256').update(text).digest('hex').slice(0, 40)}`;
  };
  t.equal(name(docusign, body('12345678')).eventId, due('12345678'));
  t.equal(name(docusign, body('"12345678"')).eventId, due('12345678'), 'as a text');
  t.equal(name(docusign, body('9007199254740993')).eventId, due('9007199254740993'), 'beyond 2^53');
  t.equal(name(docusign, body('12345678901234567890')).eventId, due('12345678901234567890'));
  t.equal(name(docusign, body('null')).eventId, due(''));
  t.equal(
    name(docusign, body('1', 0)).eventId,
    name(docusign, body('1', 3)).eventId,
    'a retry is the same event',
  );
  t.not(
    name(docusign, body('1')).eventId,
    name(docusign, body('2')).eventId,
    'two configurations, two events',
  );
  t.equal(name(docusign, body('1')).createdAtMs, Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  const data = { accountId: 'a', envelopeId: 'e' };
  for (const part of [
    { accountId: '' },
    { envelopeId: null },
    { accountId: 'x'.repeat(201) },
    { accountId: 'a\n' },
  ])
    t.throws(
      () => name(docusign, json({ event: 'envelope-sent', data: { ...data, ...part } })),
      malformedError,
    );
  for (const more of [{ event: '' }, { configurationId: {} }, { generatedDateTime: true }, { data: [] }])
    t.throws(() => name(docusign, json({ event: 'envelope-sent', data, ...more })), malformedError);
});

t.test('Twilio: each status of a message is a separate event', async (t) => {
  const status = (fields: Record<string, string>) =>
    name(twilio, form({ MessageSid: sid, AccountSid: 'AC1', ...fields }), 'status');
  t.equal(status({ MessageStatus: 'sent' }).eventId, `${sid}.sent`);
  t.equal(status({ SmsStatus: 'sent', ErrorCode: '' }).eventId, `${sid}.sent`, 'empty is absent');
  const failed = status({ MessageStatus: 'undelivered', ErrorCode: '30003', RawDlrDoneDate: '2609011230' });
  t.equal(failed.eventId, `${sid}.undelivered.e30003.d2609011230`);
  t.equal(failed.type, 'status:undelivered');
  t.same(twilio.ledger.keyValues(failed.eventId), [sid, 'status:undelivered:30003:2609011230']);
  t.same(twilio.ledger.keyValues(`${sid}.delivered.d2609011230`), [sid, 'status:delivered:2609011230']);
  t.same(twilio.ledger.keyValues(`${sid}.inbound~firm-a`), [sid, 'inbound~firm-a']);
  for (const ErrorCode of ['a b', '1:2', 'x'.repeat(33), '\u0000', '1.d2'])
    t.throws(() => status({ MessageStatus: 'sent', ErrorCode }), malformedError);
  const inbound = form({ MessageSid: sid, SmsStatus: 'received', Body: 'ErrorCode MessageStatus' });
  t.equal(name(twilio, inbound, 'inbound').eventId, `${sid}.inbound`);
});

t.test('Twilio: a captured callback split into other fields is not a new event', async (t) => {
  const recut = [
    { MessageStatus: 'delivered', RawDlrDoneDat: 'e2609011230' },
    { MessageStatus: 'delivered', MessagingServiceSid: 'MG1RawDlrDoneDate2609011230' },
    { MessageStatus: 'failed', ErrorCod: 'e30008' },
    { MessageStatus: 'failed', ErrorCode: '30008From12345' },
    { MessageStatus: 'deliveredRawDlrDoneDate2609011230' },
  ];
  for (const fields of recut)
    t.throws(() => name(twilio, form({ MessageSid: sid, ...fields }), 'status'), malformedError);
  const twice = (text: string) => Buffer.from(`MessageSid=${sid}&MessageStatus=sent&MessageStatus=${text}`);
  t.equal(
    name(twilio, twice('sent'), 'status').eventId,
    `${sid}.sent`,
    'the signature does not see a repetition',
  );
  t.throws(() => name(twilio, twice('delivered'), 'status'), malformedError);
});

t.test('Twilio: two event ids never have the same ledger key', async (t) => {
  const detail = fc.option(fc.stringMatching(/^([0-9]{10}|[A-Za-z0-9_-]{1,12})$/), { nil: undefined });
  const about = fc.tuple(
    fc.constantFrom('sent', 'delivered', 'inbound'),
    detail,
    detail,
    fc.constantFrom('', '~firm'),
  );
  const idOf = ([status, code, date, mark]: [string, string | undefined, string | undefined, string]) =>
    `${sid}.${status}${code === undefined ? '' : `.e${code}`}${date === undefined ? '' : `.d${date}`}${mark}`;
  const property = fc.property(fc.uniqueArray(about.map(idOf), { maxLength: 40 }), (ids) => {
    const real = ids.filter((id) => !/\.inbound\./.test(id));
    return new Set(real.map((id) => JSON.stringify(twilio.ledger.keyValues(id)))).size === real.length;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2000 }));
});
