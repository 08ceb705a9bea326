import type { Provider, Sample } from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';
import { noConformanceData } from '../support/conformance-data.js';
import { identityOf, startHarness, type TestEndpoint } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';
import {
  docusignExamples,
  type Example,
  squareExamples,
  stripeExamples,
  twilioExamples,
} from './examples.js';

/** A sample type of this channel, which selects the route. */
const typeOn = (provider: Provider, channel: string | null) =>
  (provider.samples.find((sample) => sample.channel === channel) as Sample).type;

t.test('every real example is recorded', { skip: noConformanceData, timeout: 400_000 }, async (t) => {
  const harness = await startHarness(t);
  const firm = await harness.addFirm();
  const { examples: twilio, leftOut } = twilioExamples();
  const examples = [...stripeExamples(), ...squareExamples(), ...docusignExamples(), ...twilio];
  t.ok(examples.length > 50);
  for (const { name, because } of leftOut) t.comment(`left out: ${name}: ${because}`);
  for (const { name, adapted } of examples) if (adapted !== null) t.comment(`adapted: ${name}: ${adapted}`);

  const endpoints = new Map<string, TestEndpoint>();
  for (const name of new Set(examples.map(({ provider }) => provider)))
    endpoints.set(name, await harness.addEndpoint(name, firm));

  const sent: (Example & { eventId: string })[] = [];
  for (const example of examples) {
    const endpoint = endpoints.get(example.provider) as TestEndpoint;
    const { body, channel } = example;
    const answer = await harness.send(endpoint, typeOn(endpoint.provider, channel), { body });
    t.equal(answer.status, 200, `${example.name}: ${answer.code ?? answer.outcome}`);
    const { eventId } = identityOf(endpoint.provider, body, channel, endpoint);
    // Two of Twilio's examples are the same message.
    const known = sent.some((other) => other.provider === example.provider && other.eventId === eventId);
    t.equal(answer.outcome, known ? 'duplicate' : 'accepted', example.name);
    if (!known) sent.push({ ...example, eventId });
  }

  const ledger = () =>
    harness.sql<{ webhook_provider: string; outcome: string; event_type: string }>(
      'SELECT webhook_provider, outcome, event_type FROM webhook_events',
    );
  await waitUntil(async () => (await ledger()).length === sent.length, {
    what: 'all are in the ledger',
    timeoutMs: 30_000,
  });
  const rows = await ledger();
  t.same(
    rows.filter(({ outcome }) => !['applied', 'stale', 'ignored'].includes(outcome)),
    [],
    'none has failed',
  );
  const outcomes = (provider: string) =>
    new Set(rows.filter((row) => row.webhook_provider === provider).map(({ outcome }) => outcome));
  for (const name of ['stripe', 'square', 'docusign', 'twilio'])
    t.ok(outcomes(name).has('applied'), `${name}: some of them change data`);
  t.same(
    rows.filter(({ event_type: type }) => type === 'unknown'),
    [],
    'each has its type',
  );
  for (const { provider: name, name: example, body, eventId } of sent) {
    const provider = providerNamed(name) as Provider;
    const row = await harness.sql(
      `SELECT event_raw FROM ${provider.ledger.table} WHERE idempotency_key = $1`,
      [`${name}:${eventId}`],
    );
    t.same(row[0]?.event_raw, body, `${example}: the exact bytes`);
  }
});

t.test('a body that is not a message is not an event', { skip: noConformanceData }, async (t) => {
  const { leftOut } = twilioExamples();
  t.ok(leftOut.length > 0);
  t.ok(
    leftOut.every(({ because }) => /call|form/.test(because)),
    'only alerts about calls, and those without a form, are left out',
  );
});
