import t from 'tap';
import { type Harness, startHarness, type TestEndpoint } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';

// Redis has no room left: events go to Postgres, and are applied from there, the firms' in turn.

const fail = new Set<string>();

const openWorld = (t: Parameters<typeof startHarness>[0]) =>
  startHarness(t, {
    attempts: 3,
    retryScale: 1,
    rule: (provider) => ({
      ...provider,
      changesOf(event, body) {
        if (fail.has(event.firmId)) throw new Error('a rule that is wrong');
        return provider.changesOf(event, body);
      },
    }),
  });

const send = async (harness: Harness, endpoint: TestEndpoint, outcome: string) => {
  const sent = await harness.send(endpoint, 'invoice.paid', {
    overrides: { metadata: { pad: 'x'.repeat(20_000) } },
  });
  if (sent.outcome !== outcome) throw new Error(`${sent.outcome}, not ${outcome}`);
  return sent.eventId;
};

t.test('while Redis is full, events are applied from Postgres', async (t) => {
  const harness = await openWorld(t);
  const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
  await waitUntil(async () => (await harness.send(endpoint, 'invoice.paid')).status === 200, {
    what: 'it is known',
  });
  await harness.redis.config('SET', 'maxmemory', 1);
  const eventIds: string[] = [];
  await waitUntil(
    async () => {
      const sent = await harness.send(endpoint, 'invoice.paid');
      eventIds.push(sent.eventId);
      return sent.outcome === 'spilled';
    },
    { what: 'events spill' },
  );
  for (let i = 0; i < 10; i++) eventIds.push(await send(harness, endpoint, 'spilled'));
  for (const eventId of eventIds) await harness.applied(endpoint.provider, eventId);
  await waitUntil(async () => (await harness.sql('SELECT FROM webhook_spill')).length === 0, {
    what: 'the spill is empty',
  });
  for (const eventId of eventIds)
    t.same(
      (await harness.attemptsOf(eventId)).map(({ outcome }) => outcome),
      ['applied'],
    );
  t.ok((await harness.metric('webhook_relayed_total{provider="stripe",result="applied_directly"}')) >= 10);
  t.equal(await harness.redis.config('SET', 'maxmemory', 0), 'OK');
});

t.test('a job that failed holds no body in Redis, and runs again with it', async (t) => {
  const harness = await openWorld(t);
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('stripe', firm);
  fail.add(firm);
  await waitUntil(async () => (await harness.send(endpoint, 'invoice.paid')).status === 200, {
    what: 'it is known',
  });
  const eventId = await send(harness, endpoint, 'accepted');
  await harness.applied(endpoint.provider, eventId, 'failed');
  const data = await waitUntil(
    async () => {
      const text = await harness.redis.hget(`{semel:stripe}:stripe:${eventId}`, 'data');
      return text?.includes('"stored":true') ? text : null;
    },
    { what: 'its body is dropped' },
  );
  t.ok(data.length < 1_000);
  fail.clear();
  await harness.applied(endpoint.provider, eventId);
  const [row] = await harness.sql<{ bytes: number }>(
    `SELECT length(event_raw) AS bytes FROM ${endpoint.provider.ledger.table} WHERE idempotency_key = $1`,
    [`stripe:${eventId}`],
  );
  t.ok((row?.bytes ?? 0) > 20_000);
});

t.test('the relay takes the rows of firms in turn', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const [heavy, quiet] = [await harness.addFirm(), await harness.addFirm()];
  const endpoints = [await harness.addEndpoint('stripe', heavy), await harness.addEndpoint('stripe', quiet)];
  await harness.sql(
    `INSERT INTO webhook_spill (firm_id, provider, event_id, endpoint_id, event_type, event_raw, body_sha256, received_at, due_at)
     SELECT f.firm, 'stripe', 'evt_' || f.n, f.endpoint, 'x', '', '', now(), f.due FROM (
       SELECT $1::uuid AS firm, $2::uuid AS endpoint, n, now() - interval '1 hour' AS due FROM generate_series(1, 1000) n
       UNION ALL SELECT $3, $4, 5000, now() - interval '1 second') f`,
    [heavy, endpoints[0]?.id, quiet, endpoints[1]?.id],
  );
  const due = await harness.sql<{ firm_id: string }>(`SELECT * FROM semel_spill_due('{stripe}', 200)`);
  t.equal(
    due.filter(({ firm_id }) => firm_id === quiet).length,
    1,
    'the one row of the other firm is among them',
  );
  t.equal(due.filter(({ firm_id }) => firm_id === heavy).length, 100);
});
