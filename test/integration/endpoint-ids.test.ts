import { randomUUID } from 'node:crypto';
import { idempotencyKey, scopeEventId, type WebhookEvent } from '@semel/core';
import { defineHandler } from '@semel/handlers';
import { openProducerRedis, openProviderQueue } from '@semel/queue';
import t from 'tap';
import { createEvent } from '../support/create-event.js';
import { startHarness, type TestEndpoint } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';
import { openTestAdmin } from '../support/test-admin.js';

// Ids of Standard Webhooks are unique per service only: the endpoint is a part of the event's key.

const ran: string[] = [];
const harness = await startHarness(t, {
  handlers: {
    handlers: [
      defineHandler('standard', '*', async ({ facts }) => {
        ran.push(facts.eventId);
      }),
    ],
    deliveries: [],
  },
});
const firm = await harness.addFirm();
const admin = openTestAdmin(t, harness.database);

const deliver = (endpoint: TestEndpoint, id: string, body: string) => {
  const { provider, secret, key } = endpoint;
  const delivery = { channel: null, headers: { 'webhook-id': id }, body: Buffer.from(body) };
  const signed = provider.sign(delivery, { url: '', secret, nowMs: Date.now() });
  return harness.post({ ...signed, url: `${harness.urls[0]}/webhooks/standard/${key}` });
};
const addEndpoint = async () => {
  const endpoint = await harness.addEndpoint('standard', firm);
  await waitUntil(async () => (await deliver(endpoint, 'first', '{}')).status === 200, {
    what: 'the endpoint is known',
  });
  return endpoint;
};

t.test('two services of one firm that both count are recorded and handled apart', async (t) => {
  const [a, b] = [await addEndpoint(), await addEndpoint()];
  for (const id of ['1', '2'])
    for (const endpoint of [a, b]) {
      const body = JSON.stringify({ type: 'thing.counted', by: endpoint.key, id });
      const eventId = scopeEventId(endpoint.provider, id, endpoint.id);
      t.match(await deliver(endpoint, id, body), { status: 200, outcome: 'accepted', eventId });
      const row = await harness.applied(endpoint.provider, eventId);
      t.match(row, { endpoint_id: endpoint.id, event_raw: Buffer.from(body) });
      t.equal((await deliver(endpoint, id, body)).outcome, 'duplicate');
    }
  await harness.redis.flushall(); // claims and jobs are lost: the ledger alone decides
  for (const endpoint of [a, b]) {
    const body = JSON.stringify({ type: 'thing.counted', by: endpoint.key, id: '1' });
    const { eventId } = await deliver(endpoint, '1', body);
    await waitUntil(() => harness.logs.some((line) => line.layer === 'ledger' && line.eventId === eventId), {
      what: 'the ledger found the duplicate',
    });
    t.equal(ran.filter((id) => id === eventId).length, 1, 'its handler ran once');
  }

  const [first, second] = [a, b].map(({ id }) => scopeEventId(a.provider, '1', id)) as [string, string];
  t.equal((await admin.events.show('standard', first)).event.endpointId, a.id);
  await t.rejects(admin.events.show('standard', '1'), {
    code: 'event_ambiguous',
    advice: `name one of them: ${first}, ${second}`,
  } as never);
  await deliver(a, 'only_here', '{}');
  const only = scopeEventId(a.provider, 'only_here', a.id);
  await harness.applied(a.provider, only);
  t.equal((await admin.events.show('standard', 'only_here')).event.eventId, only, "by the provider's id");
  t.equal((await admin.events.find('standard', 'only_here')).event.eventId, only);
  await t.rejects(admin.events.find('standard', 'nowhere'), { code: 'event_unknown' } as never);
});

t.test('a job of an older release is applied once, under the id of this one', async (t) => {
  const endpoint = await addEndpoint();
  const { provider } = endpoint;
  const redis = openProducerRedis(harness.redisServer.url, 5_000);
  await waitUntil(() => redis.status === 'ready', { what: 'Redis is connected' });
  const { queue, close } = openProviderQueue({ redis, provider, attempts: 3 });
  t.teardown(async () => {
    await close();
    redis.disconnect();
  });
  const bodies = {
    'id=7': '{"type":"small"}',
    msg_large: JSON.stringify({ type: 'large', text: 'x'.repeat(70_000) }),
  };
  for (const [oldId, body] of Object.entries(bodies)) {
    const isLarge = oldId === 'msg_large';
    if (isLarge)
      await harness.sql(
        'INSERT INTO webhook_bodies (firm_id, provider, event_id, body) VALUES ($1, $2, $3, $4)',
        [firm, 'standard', oldId, Buffer.from(body)],
      );
    const event: WebhookEvent = createEvent({
      provider: 'standard',
      eventId: oldId,
      firmId: firm,
      endpointId: endpoint.id,
      type: JSON.parse(body).type,
      receivedAtMs: Date.now(),
      body: isLarge ? { stored: true } : { utf8: body },
    });
    await queue.add(event);
    const id = oldId.replace('id=', '');
    const eventId = scopeEventId(provider, id, endpoint.id);
    const row = await harness.applied(provider, eventId);
    t.same(row.event_raw, Buffer.from(body));
    t.equal((await deliver(endpoint, id, body)).outcome, 'duplicate', 'its claim is under the new id');
    t.equal(ran.filter((each) => each === eventId).length, 1);
    t.same(await harness.sql('SELECT event_id FROM webhook_bodies WHERE event_id = $1', [oldId]), []);
    t.same(
      await harness.sql('SELECT 1 FROM standard_webhook_events WHERE idempotency_key = $1', [
        idempotencyKey({ provider: 'standard', eventId: oldId }),
      ]),
      [],
    );
  }
});

t.test('a duplicate at another endpoint is reported', async (t) => {
  const [a, b] = [await harness.addEndpoint('stripe', firm), await harness.addEndpoint('stripe', firm)];
  const id = `evt_${randomUUID().replaceAll('-', '')}`;
  const { body } = harness.buildBody(a, 'invoice.paid', { overrides: { $event: { id } } });
  await waitUntil(async () => (await harness.send(a, 'invoice.paid', { body })).status === 200, {
    what: 'a is known',
  });
  await harness.applied(a.provider, id);
  await waitUntil(async () => (await harness.send(b, 'invoice.paid', { body })).status === 200, {
    what: 'b is known',
  });
  await waitUntil(
    () => harness.logs.some(({ msg, eventId }) => msg === 'duplicate.endpointDiffered' && eventId === id),
    { what: 'the log says so' },
  );
  const count = (what: string) =>
    harness.metric(`webhook_duplicate_differed_total{provider="stripe",what="${what}"}`);
  t.equal(await count('endpoint'), 1);
  t.equal(await count('body'), 0, 'the body was the same');
  t.match((await admin.events.show('stripe', id)).hints, [/came to another endpoint/]);
});
