import t, { type Test } from 'tap';
import { type Answerer, startDocusign } from '../support/docusign-server.js';
import { type Harness, type HarnessOptions, startHarness, type TestEndpoint } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';

// Envelopes whose messages have no data are completed from DocuSign's API: rate-limited, without delaying events, and
// never overwriting newer data.

const account = '00000000-0000-4000-8000-0000000000ac';
let made = 0;
const newEnvelopeId = () => `00000000-0000-4000-8000-${(++made).toString(16).padStart(12, '0')}`;

async function setUp(
  t: Test,
  { timeoutMs = 1000, ...options }: HarnessOptions & { timeoutMs?: number } = {},
) {
  const docusign = await startDocusign(t);
  const harness = await startHarness(t, {
    docusign: { ...docusign.credentials, timeoutMs, everyMs: 50 },
    ...options,
  });
  const endpoint = await addMapped(harness);
  /** Sets the envelope that DocuSign's API returns. */
  const know = (envelopeId: string, status: string) =>
    docusign.envelopes.set(envelopeId, {
      envelope: {
        envelopeId,
        status,
        sentDateTime: '2026-01-01T10:00:00Z',
        statusChangedDateTime: '2026-01-01T11:00:00Z',
      },
      recipients: {
        signers: [
          { recipientId: '1', status, routingOrder: '2', recipientType: 'signer', name: 'Ada Example' },
        ],
      },
    });
  const asked = (envelopeId: string) =>
    docusign.asked.filter((what) => what === `envelope ${envelopeId}`).length;
  const envelope = async (externalId: string) =>
    (await harness.sql('SELECT * FROM esignature_envelopes WHERE external_id = $1', [externalId]))[0];
  const isCompleted = (envelopeId: string) =>
    waitUntil(async () => String((await envelope(envelopeId))?.order_event).startsWith('poll~'), {
      what: `${envelopeId} is completed`,
    });
  return { docusign, harness, endpoint, know, asked, envelope, isCompleted };
}

async function addMapped(harness: Harness): Promise<TestEndpoint> {
  const firmId = await harness.addFirm();
  await harness.sql('INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ($1, $2, $3)', [
    'docusign',
    account,
    firmId,
  ]);
  return harness.addEndpoint('docusign', firmId);
}

async function sendBare(harness: Harness, endpoint: TestEndpoint, type: string, id: string): Promise<void> {
  const sent = await harness.send(endpoint, type, { account, overrides: { id, envelopeSummary: undefined } });
  if (sent.status !== 200) throw new Error(`answered ${sent.status}`);
  await harness.applied(endpoint.provider, sent.eventId);
}

/** Long enough for an unwanted request to happen. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 400));

t.test('an envelope without data is fetched from DocuSign, at most once in 15 minutes', async (t) => {
  const { harness, endpoint, know, asked, envelope, isCompleted } = await setUp(t);
  const id = newEnvelopeId();
  know(id, 'sent');
  await sendBare(harness, endpoint, 'envelope-sent', id);
  await isCompleted(id);
  t.match(await envelope(id), { status: 'sent', sent_at: new Date('2026-01-01T10:00:00Z') });
  const recipients = await harness.sql('SELECT * FROM esignature_recipients WHERE firm_id = $1', [
    endpoint.firmId,
  ]);
  t.match(recipients, [{ external_id: `${id}|1`, status: 'sent', role_type: 'signer', routing_order: 2 }]);
  const changes = await harness.sql(
    `SELECT entity_type, event_id FROM domain_changes WHERE event_id LIKE 'poll~%' ORDER BY entity_type`,
  );
  t.match(changes, [
    { entity_type: 'envelope', event_id: new RegExp(`^poll~${id}~20\\d\\d-.*Z$`) },
    { entity_type: 'recipient' },
  ]);

  know(id, 'completed');
  await sendBare(harness, endpoint, 'envelope-completed', id);
  await settle();
  t.equal(asked(id), 1, 'not again within 15 minutes');
  t.match(await envelope(id), { status: 'completed', sent_at: null }, 'and what the event says is there');

  await harness.sql(`UPDATE esignature_envelope_polls SET asked_at = asked_at - interval '16 minutes'`);
  await isCompleted(id);
  t.equal(asked(id), 2, 'after 15 minutes it is, without another event');
  t.match(await envelope(id), { status: 'completed' });
  await settle();
  t.equal(asked(id), 2, 'and then there is nothing left to ask');
});

t.test('an envelope with data, or of an unmapped account, is not fetched', async (t) => {
  const { docusign, harness, endpoint, know } = await setUp(t);
  const id = newEnvelopeId();
  const sent = await harness.send(endpoint, 'envelope-sent', { account, overrides: { id } });
  await harness.applied(endpoint.provider, sent.eventId);
  const stranger = await harness.addEndpoint('docusign', await harness.addFirm());
  const other = newEnvelopeId();
  know(other, 'completed');
  const signed = await harness.send(stranger, 'envelope-sent', {
    account: '00000000-0000-4000-8000-0000000000ad',
    overrides: { id: other, envelopeSummary: undefined },
  });
  await harness.applied(stranger.provider, signed.eventId);
  await settle();
  t.same(docusign.asked, []);
});

t.test('an older answer overwrites nothing newer', async (t) => {
  const { harness, endpoint, know, asked, envelope } = await setUp(t);
  const id = newEnvelopeId();
  know(id, 'sent');
  await sendBare(harness, endpoint, 'envelope-voided', id);
  await waitUntil(async () => asked(id) > 0, { what: 'it is asked' });
  await settle();
  t.match(await envelope(id), { status: 'voided' });
});

t.test('the rate limit holds for all workers together', async (t) => {
  const { harness, endpoint, know, asked, isCompleted } = await setUp(t, { workers: 3 });
  const ids = Array.from({ length: 8 }, newEnvelopeId);
  for (const id of ids) know(id, 'completed');
  await Promise.all(
    ids.flatMap((id) =>
      ['envelope-sent', 'envelope-delivered', 'envelope-completed'].map((type) =>
        harness.send(endpoint, type, { account, overrides: { id, envelopeSummary: undefined } }),
      ),
    ),
  );
  for (const id of ids) await isCompleted(id).catch(() => undefined);
  await settle();
  t.same(
    ids.map(asked),
    ids.map(() => 1),
  );
});

const troubles: [string, Answerer, RegExp][] = [
  ['credentials that are refused', () => ({ status: 401 }), /refused/],
  [
    'too many questions',
    (what, _id, usual) => (what === 'token' ? usual : { status: 429, headers: { 'retry-after': '60' } }),
    /limited/,
  ],
  ['an outage', () => ({ status: 503 }), /away/],
  [
    'an answer that never comes',
    (what, _id, usual) => (what === 'envelope' ? { silent: true } : usual),
    /away/,
  ],
];
for (const [name, answerer, kind] of troubles)
  t.test(`${name}: no event waits for the fetch, and it is not repeated at once`, async (t) => {
    const { docusign, harness, endpoint, envelope } = await setUp(t, { timeoutMs: 300 });
    docusign.answerWith(answerer);
    const ids = Array.from({ length: 5 }, newEnvelopeId);
    for (const id of ids) {
      const startedMs = Date.now();
      await sendBare(harness, endpoint, 'envelope-completed', id);
      t.ok(Date.now() - startedMs < 5_000);
      t.match(await envelope(id), { status: 'completed' });
    }
    const failed = await waitUntil(async () => harness.logs.find(({ msg }) => msg === 'envelope.askFailed'), {
      what: 'the failure is logged',
    });
    t.match(failed.kind, kind);
    t.notMatch(JSON.stringify(harness.logs), /Bearer|token-\d|BEGIN/);
    await settle();
    const questions = docusign.asked.length;
    t.ok(questions <= 3, `${questions} questions`);
    t.same(await harness.sql(`SELECT outcome FROM webhook_attempts WHERE outcome <> 'applied'`), []);
  });

t.test('an envelope that DocuSign does not know is fetched once', async (t) => {
  const { harness, endpoint, asked } = await setUp(t);
  const id = newEnvelopeId();
  await sendBare(harness, endpoint, 'envelope-sent', id);
  await waitUntil(async () => asked(id) > 0, { what: 'it is asked' });
  await settle();
  t.match(await harness.sql('SELECT wanted_at FROM esignature_envelope_polls'), [{ wanted_at: null }]);
});

t.test("a dead worker's pending fetch is made with the firm's next event", async (t) => {
  const { harness, endpoint, know, isCompleted } = await setUp(t);
  const [left, next] = [newEnvelopeId(), newEnvelopeId()];
  know(left, 'sent');
  know(next, 'sent');
  const [worker] = harness.workers;
  await worker?.close();
  // As if the worker had died between scheduling the fetch and making it.
  await harness.startWorker();
  await sendBare(harness, endpoint, 'envelope-sent', left);
  await isCompleted(left);
  await harness.sql(`UPDATE esignature_envelopes SET sent_at = NULL WHERE external_id = $1`, [left]);
  await harness.sql(
    `UPDATE esignature_envelope_polls SET wanted_at = now(), asked_at = now() - interval '16 minutes'`,
  );
  await sendBare(harness, endpoint, 'envelope-sent', next);
  await isCompleted(next);
  await isCompleted(left);
});

t.test('without credentials nothing is fetched or scheduled', async (t) => {
  const harness = await startHarness(t);
  const endpoint = await addMapped(harness);
  const id = newEnvelopeId();
  await sendBare(harness, endpoint, 'envelope-completed', id);
  t.match(await harness.sql('SELECT status FROM esignature_envelopes'), [{ status: 'completed' }]);
  t.same(await harness.sql('SELECT * FROM esignature_envelope_polls'), []);
});
