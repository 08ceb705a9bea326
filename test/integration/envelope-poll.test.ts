import t, { type Test } from 'tap';
import { type Answerer, startDocusign } from '../support/docusign-server.js';
import { waitUntil } from '../support/servers.js';
import { createWorld, type TestEndpoint, type World, type WorldOptions } from '../support/world.js';

// Envelopes whose messages come without data are completed by asking DocuSign: seldom, beside the events, and never backwards.

const account = '00000000-0000-4000-8000-0000000000ac';
let made = 0;
const newEnvelopeId = () => `00000000-0000-4000-8000-${(++made).toString(16).padStart(12, '0')}`;

async function setUp(t: Test, { timeoutMs = 1000, ...options }: WorldOptions & { timeoutMs?: number } = {}) {
  const docusign = await startDocusign(t);
  const world = await createWorld(t, {
    docusign: { ...docusign.credentials, timeoutMs, everyMs: 50 },
    ...options,
  });
  const endpoint = await addMapped(world);
  /** What DocuSign says of the envelope when it is asked. */
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
    (await world.sql('SELECT * FROM esignature_envelopes WHERE external_id = $1', [externalId]))[0];
  const isCompleted = (envelopeId: string) =>
    waitUntil(async () => String((await envelope(envelopeId))?.order_event).startsWith('poll~'), {
      what: `${envelopeId} is completed`,
    });
  return { docusign, world, endpoint, know, asked, envelope, isCompleted };
}

async function addMapped(world: World): Promise<TestEndpoint> {
  const firmId = await world.addFirm();
  await world.sql('INSERT INTO webhook_accounts (provider, account, firm_id) VALUES ($1, $2, $3)', [
    'docusign',
    account,
    firmId,
  ]);
  return world.addEndpoint('docusign', firmId);
}

async function sendBare(world: World, endpoint: TestEndpoint, type: string, id: string): Promise<void> {
  const sent = await world.send(endpoint, type, { account, overrides: { id, envelopeSummary: undefined } });
  if (sent.status !== 200) throw new Error(`answered ${sent.status}`);
  await world.applied(endpoint.provider, sent.eventId);
}

/** Long enough for a question that must not be asked. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 400));

t.test('an envelope without data is completed, once in 15 minutes', async (t) => {
  const { world, endpoint, know, asked, envelope, isCompleted } = await setUp(t);
  const id = newEnvelopeId();
  know(id, 'sent');
  await sendBare(world, endpoint, 'envelope-sent', id);
  await isCompleted(id);
  t.match(await envelope(id), { status: 'sent', sent_at: new Date('2026-01-01T10:00:00Z') });
  const recipients = await world.sql('SELECT * FROM esignature_recipients WHERE firm_id = $1', [
    endpoint.firmId,
  ]);
  t.match(recipients, [{ external_id: `${id}|1`, status: 'sent', role_type: 'signer', routing_order: 2 }]);
  const changes = await world.sql(
    `SELECT entity_type, event_id FROM domain_changes WHERE event_id LIKE 'poll~%' ORDER BY entity_type`,
  );
  t.match(changes, [
    { entity_type: 'envelope', event_id: new RegExp(`^poll~${id}~20\\d\\d-.*Z$`) },
    { entity_type: 'recipient' },
  ]);

  know(id, 'completed');
  await sendBare(world, endpoint, 'envelope-completed', id);
  await settle();
  t.equal(asked(id), 1, 'not again within 15 minutes');
  t.match(await envelope(id), { status: 'completed', sent_at: null }, 'and what the event says is there');

  await world.sql(`UPDATE esignature_envelope_polls SET asked_at = asked_at - interval '16 minutes'`);
  await isCompleted(id);
  t.equal(asked(id), 2, 'after 15 minutes it is, without another event');
  t.match(await envelope(id), { status: 'completed' });
  await settle();
  t.equal(asked(id), 2, 'and then there is nothing left to ask');
});

t.test('what comes with its data, and what is not mapped, is not asked for', async (t) => {
  const { docusign, world, endpoint, know } = await setUp(t);
  const id = newEnvelopeId();
  const sent = await world.send(endpoint, 'envelope-sent', { account, overrides: { id } });
  await world.applied(endpoint.provider, sent.eventId);
  const stranger = await world.addEndpoint('docusign', await world.addFirm());
  const other = newEnvelopeId();
  know(other, 'completed');
  const signed = await world.send(stranger, 'envelope-sent', {
    account: '00000000-0000-4000-8000-0000000000ad',
    overrides: { id: other, envelopeSummary: undefined },
  });
  await world.applied(stranger.provider, signed.eventId);
  await settle();
  t.same(docusign.asked, []);
});

t.test('an old answer takes nothing back', async (t) => {
  const { world, endpoint, know, asked, envelope } = await setUp(t);
  const id = newEnvelopeId();
  know(id, 'sent');
  await sendBare(world, endpoint, 'envelope-voided', id);
  await waitUntil(async () => asked(id) > 0, { what: 'it is asked' });
  await settle();
  t.match(await envelope(id), { status: 'voided' });
});

t.test('the limit holds for all workers together', async (t) => {
  const { world, endpoint, know, asked, isCompleted } = await setUp(t, { workers: 3 });
  const ids = Array.from({ length: 8 }, newEnvelopeId);
  for (const id of ids) know(id, 'completed');
  await Promise.all(
    ids.flatMap((id) =>
      ['envelope-sent', 'envelope-delivered', 'envelope-completed'].map((type) =>
        world.send(endpoint, type, { account, overrides: { id, envelopeSummary: undefined } }),
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
  t.test(`${name}: no event waits for it, and nobody insists`, async (t) => {
    const { docusign, world, endpoint, envelope } = await setUp(t, { timeoutMs: 300 });
    docusign.answerWith(answerer);
    const ids = Array.from({ length: 5 }, newEnvelopeId);
    for (const id of ids) {
      const startedMs = Date.now();
      await sendBare(world, endpoint, 'envelope-completed', id);
      t.ok(Date.now() - startedMs < 5_000);
      t.match(await envelope(id), { status: 'completed' });
    }
    const failed = await waitUntil(async () => world.logs.find(({ msg }) => msg === 'envelope.askFailed'), {
      what: 'the failure is logged',
    });
    t.match(failed.kind, kind);
    t.notMatch(JSON.stringify(world.logs), /Bearer|token-\d|BEGIN/);
    await settle();
    const questions = docusign.asked.length;
    t.ok(questions <= 3, `${questions} questions`);
    t.same(await world.sql(`SELECT outcome FROM webhook_attempts WHERE outcome <> 'applied'`), []);
  });

t.test('an envelope that DocuSign does not know is asked for once', async (t) => {
  const { world, endpoint, asked } = await setUp(t);
  const id = newEnvelopeId();
  await sendBare(world, endpoint, 'envelope-sent', id);
  await waitUntil(async () => asked(id) > 0, { what: 'it is asked' });
  await settle();
  t.match(await world.sql('SELECT wanted_at FROM esignature_envelope_polls'), [{ wanted_at: null }]);
});

t.test('what a dead worker left is asked for with the next event of the firm', async (t) => {
  const { world, endpoint, know, isCompleted } = await setUp(t);
  const [left, next] = [newEnvelopeId(), newEnvelopeId()];
  know(left, 'sent');
  know(next, 'sent');
  const [worker] = world.workers;
  await worker?.close();
  // As if the worker had died between writing it down and asking.
  await world.startWorker();
  await sendBare(world, endpoint, 'envelope-sent', left);
  await isCompleted(left);
  await world.sql(`UPDATE esignature_envelopes SET sent_at = NULL WHERE external_id = $1`, [left]);
  await world.sql(
    `UPDATE esignature_envelope_polls SET wanted_at = now(), asked_at = now() - interval '16 minutes'`,
  );
  await sendBare(world, endpoint, 'envelope-sent', next);
  await isCompleted(next);
  await isCompleted(left);
});

t.test('without credentials nothing is asked, and nothing is written down for it', async (t) => {
  const world = await createWorld(t);
  const endpoint = await addMapped(world);
  const id = newEnvelopeId();
  await sendBare(world, endpoint, 'envelope-completed', id);
  t.match(await world.sql('SELECT status FROM esignature_envelopes'), [{ status: 'completed' }]);
  t.same(await world.sql('SELECT * FROM esignature_envelope_polls'), []);
});
