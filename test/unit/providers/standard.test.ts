import { createHmac } from 'node:crypto';
import { assertEventId, type Provider, type SignedRequest, scopeEventId } from '@semel/core';
import { providerNamed } from '@semel/providers';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import t from 'tap';

const standard = providerNamed('standard') as Provider;
const seconds = 1_700_000_000;
const key = Buffer.alloc(32, 7);
const secret = `whsec_${key.toString('base64')}`;
const body = Buffer.from(
  '{"type":"user.created","timestamp":"2026-09-01T12:00:00Z","data":{"note":"Grüße"}}',
);

/** With Node's own HMAC, so that neither the library nor the verifier judges itself. */
const signatureOf = (bytes: Buffer, id = 'msg_1', at = String(seconds), by = key) =>
  `v1,${createHmac('sha256', by).update(`${id}.${at}.`).update(bytes).digest('base64')}`;

const request = (other: Partial<SignedRequest> & { id?: string; at?: string; signature?: string } = {}) => ({
  body,
  url: '',
  secrets: [secret],
  nowMs: seconds * 1000,
  ...other,
  headers: other.headers ?? {
    'webhook-id': other.id ?? 'msg_1',
    'webhook-timestamp': other.at ?? String(seconds),
    'webhook-signature': other.signature ?? signatureOf(other.body ?? body, other.id, other.at),
  },
});

t.test('exactly what the specification accepts is authentic', async (t) => {
  const good = signatureOf(body);
  const [id, stamp] = ['msg_1', String(seconds)];
  const cases: [string, boolean, ReturnType<typeof request>][] = [
    ['signed', true, request()],
    ['a list with a wrong one first', true, request({ signature: `v1,${'A'.repeat(43)}= ${good}` })],
    ['a list with an asymmetric one', true, request({ signature: `v1a,AAAA ${good} v2,x` })],
    ['one of several secrets', true, request({ secrets: ['whsec_AAAA', 'not base64', secret] })],
    ['a secret without its prefix', true, request({ secrets: [key.toString('base64')] })],
    ['bytes that are no text', true, request({ body: Buffer.from([0xef, 0xbb, 0xbf, 0xff, 0]) })],
    ['300 seconds old', true, request({ nowMs: (seconds + 300) * 1000 })],
    ['301 seconds old', false, request({ nowMs: (seconds + 301) * 1000 })],
    ['300 seconds ahead', true, request({ nowMs: (seconds - 300) * 1000 })],
    ['301 seconds ahead', false, request({ nowMs: (seconds - 301) * 1000 })],
    ['asymmetric alone', false, request({ signature: good.replace('v1,', 'v1a,') })],
    ['no version', false, request({ signature: good.slice(3) })],
    ['two in one without a space', false, request({ signature: `${good},${good}` })],
    ['a time with more behind it', false, request({ at: `${seconds}x` })],
    ['a negative time', false, request({ at: `-${seconds}` })],
    ['another id', false, request({ id: 'msg_2', signature: good })],
    ['another time', false, request({ at: String(seconds + 1), signature: good })],
    ['id and time cut elsewhere', false, request({ id: `msg_1.${stamp}`, at: '1', signature: good })],
    ['no id', false, request({ headers: { 'webhook-timestamp': stamp, 'webhook-signature': good } })],
    ['no time', false, request({ headers: { 'webhook-id': id, 'webhook-signature': good } })],
    [
      'the text of the secret as key',
      false,
      request({ signature: signatureOf(body, id, stamp, Buffer.from(secret)) }),
    ],
    ['no secrets', false, request({ secrets: [] })],
    ['empty secrets', false, request({ secrets: ['', 'whsec_', ' '] })],
    [
      'lists of headers',
      false,
      request({ headers: { 'webhook-id': [id], 'webhook-timestamp': stamp, 'webhook-signature': good } }),
    ],
  ];
  for (const [name, due, given] of cases) t.equal(standard.verify(given), due, name);
});

t.test('the library and the verifier agree', async (t) => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 });
  const bytes = fc.uint8Array({ minLength: 3, maxLength: 64 });
  const property = fc.property(text, bytes, fc.integer({ min: -400, max: 400 }), fc.boolean(), (...given) => {
    const [payload, ownKey, age, changed] = given;
    const own = `whsec_${Buffer.from(ownKey).toString('base64')}`;
    const nowMs = Date.now();
    const sentAt = new Date(nowMs - age * 1000);
    const library = new Webhook(own);
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
      'webhook-signature': library.sign('msg_1', sentAt, payload),
    };
    const sent = changed ? `${payload}x` : payload;
    if (Math.abs(Math.abs(age) - 300) < 3) return true; // the library uses its own clock
    const byLibrary = noThrow(() => library.verify(sent, headers, { jsonParse: false }));
    return (
      standard.verify({ body: Buffer.from(sent), headers, url: '', secrets: [own], nowMs }) === byLibrary
    );
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});

t.test('the signed header names the event', async (t) => {
  const named = (id: string, bytes = body) =>
    standard.identify(bytes, null, request({ id, body: bytes }).headers);
  t.same(named('msg_2KWPBgLlAfxdpx2AI54pPJ85f4W'), {
    eventId: 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W',
    type: 'user.created',
    account: null,
    livemode: null,
    createdAtMs: Date.UTC(2026, 8, 1, 12),
  });
  for (const other of ['not JSON', '[]', '{"type":7}', '\u0000'])
    t.match(named('a', Buffer.from(other)), { type: 'unknown', createdAtMs: null });
  for (const id of ['', 'a b', 'a:b', 'a/b', 'ä', 'x'.repeat(201), 'id=1', 'a\n'])
    t.throws(() => named(id), { code: 'malformed' } as never, JSON.stringify(id).slice(0, 20));
  t.throws(() => standard.identify(body, null), { code: 'malformed' } as never, 'without headers');
  t.throws(() => named('a', Buffer.alloc(0)), { code: 'malformed' } as never, 'without a body');

  const ids = ['1', '42', 'completed', 'wait', 'stalled-check', 'a', '..', '1.0', 'x'.repeat(200)];
  const endpointId = 'aaaaaaaa-0000-4000-8000-9f86d081884c';
  const events = ids.map((id) => assertEventId(scopeEventId(standard, named(id).eventId, endpointId)));
  t.equal(new Set(events).size, ids.length, 'with the endpoint in it, the queue takes every id');
  t.same(events.slice(0, 2), ['1@9f86d081884c', '42@9f86d081884c']);
});

t.test('a sample sent again is the same event', async (t) => {
  const sample = standard.samples[0] as Provider['samples'][number];
  const { body: built } = sample.build({ account: null, nowMs: 0 });
  const sign = (nowMs: number, headers = {}) =>
    standard.sign({ channel: null, headers, body: built }, { url: '', secret, nowMs }).headers;
  t.equal(sign(0)['webhook-id'], sign(60_000)['webhook-id']);
  t.not(sign(0)['webhook-signature'], sign(60_000)['webhook-signature']);
  t.equal(sign(0, { 'webhook-id': 'mine' })['webhook-id'], 'mine');
});

function noThrow(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
