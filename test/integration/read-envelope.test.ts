import { type EnvelopeReadError, openEnvelopeReader } from '@semel/providers';
import t, { type Test } from 'tap';
import { type Answerer, startDocusign } from '../support/docusign-server.js';

// Envelopes are read with DocuSign's own SDK; each kind of failure is distinguished.

const account = '00000000-0000-4000-8000-0000000000ac';
const envelopeId = '11111111-1111-4111-8111-111111111111';

async function setUp(t: Test, options: { timeoutMs?: number } = {}) {
  const docusign = await startDocusign(t);
  docusign.envelopes.set(envelopeId, {
    envelope: { envelopeId, status: 'completed', completedDateTime: '2026-09-01T12:30:00.0000000Z' },
    recipients: {
      signers: [{ recipientId: '1', status: 'completed', routingOrder: '1' }],
      recipientCount: '1',
    },
  });
  return { docusign, reader: openEnvelopeReader(docusign.credentials, options) };
}

const failure = (promise: Promise<unknown>): Promise<EnvelopeReadError> =>
  promise.then(
    () => Promise.reject(new Error('it should have failed')),
    (error: EnvelopeReadError) => error,
  );

t.test('one token serves many requests for envelopes and recipients', async (t) => {
  const { docusign, reader } = await setUp(t);
  for (let i = 0; i < 2; i++)
    t.match(await reader.read(account, envelopeId), {
      envelopeId,
      status: 'completed',
      completedDateTime: '2026-09-01T12:30:00.0000000Z',
      recipients: { signers: [{ recipientId: '1', status: 'completed', routingOrder: '1' }] },
    });
  t.same(
    docusign.asked.map((what) => what.split(' ')[0]),
    ['token', 'envelope', 'recipients', 'envelope', 'recipients'],
  );
});

t.test('a revoked token is replaced once', async (t) => {
  const { docusign, reader } = await setUp(t);
  await reader.read(account, envelopeId);
  let refuse = 1;
  docusign.answerWith((what, _id, usual) =>
    what === 'envelope' && refuse-- > 0
      ? { status: 401, body: { errorCode: 'AUTHORIZATION_INVALID_TOKEN' } }
      : usual,
  );
  t.match(await reader.read(account, envelopeId), { status: 'completed' });
  docusign.answerWith((what, _id, usual) => (what === 'token' ? usual : { status: 401 }));
  t.match(await failure(reader.read(account, envelopeId)), { kind: 'refused', status: 401 });
});

t.test('each failure has a kind, and contains no secret', async (t) => {
  const cases: [string, Answerer, object][] = [
    [
      'no consent',
      (_what, _id) => ({ status: 400, body: { error: 'consent_required' } }),
      { kind: 'refused', status: 400, message: /consent_required/ },
    ],
    [
      'too often',
      (what, _id, usual) => (what === 'token' ? usual : { status: 429, headers: { 'retry-after': '120' } }),
      { kind: 'limited', status: 429, retryAfterMs: 120_000 },
    ],
    [
      'the hour is used up',
      (what, _id, usual) =>
        what === 'token'
          ? usual
          : { status: 400, body: { errorCode: 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED' } },
      { kind: 'limited', retryAfterMs: null },
    ],
    [
      'until a second that is said',
      (what, _id, usual) =>
        what === 'token'
          ? usual
          : { status: 429, headers: { 'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 600) } },
      { kind: 'limited' },
    ],
    ['an outage', () => ({ status: 503 }), { kind: 'away', status: 503 }],
    [
      'an answer about another envelope',
      (what, _id, usual) => (what === 'envelope' ? { body: { envelopeId: 'other' } } : usual),
      { kind: 'away' },
    ],
    ['a token that is none', () => ({ body: {} }), { kind: 'away', message: /no token/ }],
  ];
  for (const [name, answerer, expected] of cases)
    await t.test(name, async (t) => {
      const { docusign, reader } = await setUp(t);
      docusign.answerWith(answerer);
      const error = await failure(reader.read(account, envelopeId));
      t.match(error, expected);
      t.equal(error.name, 'EnvelopeReadError');
      t.notMatch(JSON.stringify({ ...error, text: String(error) }), /Bearer|token-|PRIVATE|assertion/);
    });
  const { reader } = await setUp(t);
  t.match(await failure(reader.read(account, 'not-there')), { kind: 'unknown', status: 404 });
});

t.test('no request exceeds the time limit, for the token or the envelope', async (t) => {
  for (const silent of ['token', 'envelope']) {
    const { docusign, reader } = await setUp(t, { timeoutMs: 300 });
    docusign.answerWith((what, _id, usual) => (what === silent ? { silent: true } : usual));
    const startedMs = Date.now();
    t.match(await failure(reader.read(account, envelopeId)), { kind: 'away' });
    t.ok(Date.now() - startedMs < 5_000);
  }
});

t.test('an unreachable DocuSign, and an invalid key', async (t) => {
  const { docusign } = await setUp(t);
  const nowhere = openEnvelopeReader({ ...docusign.credentials, oauthHost: 'localhost:1' });
  t.match(await failure(nowhere.read(account, envelopeId)), { kind: 'away', status: null });
  const keyless = openEnvelopeReader({ ...docusign.credentials, privateKey: 'x' });
  t.match(await failure(keyless.read(account, envelopeId)), { kind: 'refused' });
});
