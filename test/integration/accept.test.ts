import { createHmac } from 'node:crypto';
import { providers } from '@semel/providers';
import { queueKey } from '@semel/queue';
import t from 'tap';
import { forget } from '../support/forget.js';
import { assertOneEffect, idOf } from '../support/one-effect.js';
import { waitUntil } from '../support/servers.js';
import { createWorld, mainTypeOf } from '../support/world.js';

// What an authentic delivery is answered, and that its bytes arrive as they are.

t.test('what a sender sees, and how soon an endpoint changes', async (t) => {
  const world = await createWorld(t);
  const firm = await world.addFirm();

  for (const provider of providers) {
    const { name } = provider;
    const type = mainTypeOf(provider).type;

    t.test(`${name}: the answer has outcome and event id, and Twilio's messages get TwiML`, async (t) => {
      const endpoint = await world.addEndpoint(name, firm);
      const { body } = world.buildBody(endpoint, type);
      for (const outcome of ['accepted', 'duplicate']) {
        const sent = await world.send(endpoint, type, { body });
        t.equal(sent.status, 200);
        t.equal(sent.outcome, outcome);
        if (type === 'inbound') {
          t.match(sent.headers.get('content-type'), /^text\/xml/);
          t.equal(sent.text, '<Response/>');
        } else {
          t.match(sent.headers.get('content-type'), /^application\/json/);
          t.strictSame(JSON.parse(sent.text), { outcome, eventId: idOf(provider, body) });
        }
      }
    });

    t.test(`${name}: any of several secrets will do, and none of another endpoint's`, async (t) => {
      const endpoint = await world.addEndpoint(name, firm);
      const other = await world.addEndpoint(name, firm);
      const second = provider.newSecret();
      await world.addSecret(endpoint, second);
      for (const secret of [endpoint.secret, second])
        t.equal((await world.send(endpoint, type, { secret })).outcome, 'accepted');
      t.equal((await world.send(endpoint, type, { secret: other.secret })).status, 401);
    });

    t.test(`${name}: an endpoint added, rotated or disabled is so within a second`, async (t) => {
      const endpoint = await world.addEndpoint(name, firm);
      t.equal((await world.send(endpoint, type)).outcome, 'accepted', 'added a moment ago');

      const rotated = provider.newSecret();
      await world.sql('DELETE FROM webhook_endpoint_secrets WHERE endpoint_id = $1', [endpoint.id]);
      await world.addSecret(endpoint, rotated);
      t.equal((await world.send(endpoint, type, { secret: rotated })).outcome, 'accepted', 'the new secret');
      await within1s(
        async () => (await world.send(endpoint, type)).code === 'signature_invalid',
        'old secret',
      );

      for (const column of ['disabled_at', 'removed_at']) {
        await world.sql(`UPDATE webhook_endpoints SET ${column} = now() WHERE id = $1`, [endpoint.id]);
        await within1s(
          async () => (await world.send(endpoint, type, { secret: rotated })).code === 'unknown_endpoint',
          column,
        );
        await world.sql(`UPDATE webhook_endpoints SET ${column} = NULL WHERE id = $1`, [endpoint.id]);
        const sent = await world.send(endpoint, type, { secret: rotated });
        t.equal(sent.outcome, 'accepted', 'and back again');
      }
    });

    t.test(`${name}: the content type, which nobody signs, has no say`, async (t) => {
      const endpoint = await world.addEndpoint(name, firm);
      const odd = [
        null,
        'text/plain',
        'application/json',
        'application/x-www-form-urlencoded; charset=latin1',
        'multipart/form-data',
        'application/json; charset=utf-7, text/html',
        'nonsense',
        ';;',
        '/',
        'text/\u00e9',
      ];
      for (const contentType of odd) {
        const { body } = world.buildBody(endpoint, type);
        const sent = await world.send(endpoint, type, {
          body,
          tamper: ({ headers }) => {
            delete headers['content-type'];
            if (contentType !== null) headers['content-type'] = contentType;
          },
        });
        t.equal(sent.outcome, 'accepted', `content-type ${contentType}`);
        if (contentType === ';;')
          t.same((await world.applied(provider, idOf(provider, body))).event_raw, body, 'the exact bytes');
      }
    });
  }

  t.test('the endpoint says live, the event says test: recorded, and changes nothing', async (t) => {
    const endpoint = await world.addEndpoint('stripe', firm, { mode: 'live' });
    const test = await world.send(endpoint, 'invoice.paid', { overrides: { $event: { livemode: false } } });
    t.equal(test.outcome, 'accepted');
    const row = await assertOneEffect(t, world, endpoint, test.eventId, 'ignored');
    t.equal(row.ignored_reason, 'mode_mismatch');
    t.same(await world.sql('SELECT * FROM domain_changes WHERE event_id = $1', [test.eventId]), []);

    const live = await world.send(endpoint, 'invoice.paid', { overrides: { $event: { livemode: true } } });
    await assertOneEffect(t, world, endpoint, live.eventId);
  });

  const unknown: Record<string, (body: string) => string> = {
    stripe: (body) => body.replace('"type":"invoice.paid"', '"type":"radar.something_new"'),
    square: (body) => body.replace('"type":"payment.created"', '"type":"loyalty.something.new"'),
    docusign: (body) => body.replace('"event":"envelope-completed"', '"event":"template-something-new"'),
  };
  for (const [name, change] of Object.entries(unknown))
    t.test(`${name}: a type that nobody knows is recorded`, async (t) => {
      const endpoint = await world.addEndpoint(name, firm);
      const built = world.buildBody(endpoint, mainTypeOf(endpoint.provider).type).body.toString();
      const body = Buffer.from(change(built));
      t.not(body.toString(), built);
      const sent = await world.send(endpoint, mainTypeOf(endpoint.provider).type, { body });
      t.equal(sent.outcome, 'accepted');
      const row = await assertOneEffect(t, world, endpoint, sent.eventId, 'ignored');
      t.equal(row.ignored_reason, 'type_not_handled');
      t.same(row.event_raw, body);
    });
  t.test('twilio: a status that nobody knows is recorded', async (t) => {
    const endpoint = await world.addEndpoint('twilio', firm);
    const sent = await world.send(endpoint, 'status:sent', { overrides: { MessageStatus: 'teleported' } });
    t.equal(sent.outcome, 'accepted');
    t.match(await world.applied(endpoint.provider, sent.eventId), { event_type: 'status:teleported' });
  });
});

async function within1s(holds: () => Promise<boolean>, what: string) {
  await waitUntil(holds, { what, timeoutMs: 1_000, intervalMs: 25 });
}

t.test('bodies of any size and shape', async (t) => {
  const world = await createWorld(t);
  const firm = await world.addFirm();

  for (const provider of providers)
    t.test(`${provider.name}: a large body waits in Postgres, and is applied byte by byte`, async (t) => {
      const type = mainTypeOf(provider).type;
      const endpoint = await world.addEndpoint(provider.name, firm);
      const padding = 'å'.repeat(60_000);
      const overrides = provider.name === 'twilio' ? { Body: padding } : { padding };
      const { body } = world.buildBody(endpoint, type, { overrides });
      t.ok(body.length > 64 * 1024);
      t.equal((await world.send(endpoint, type, { body })).outcome, 'accepted');
      const eventId = idOf(provider, body);
      const job = JSON.parse((await world.redis.hget(queueKey(provider.name, eventId), 'data')) ?? '{}');
      t.strictSame(job.body, { stored: true }, 'the job carries a reference alone');
      t.ok(Number(await world.redis.memory('USAGE', queueKey(provider.name, eventId))) < 4_096);
      const row = await assertOneEffect(t, world, endpoint, eventId);
      t.ok(body.equals(row.event_raw as Buffer), 'the exact bytes');
      t.same(await world.sql('SELECT event_id FROM webhook_bodies'), [], 'and the copy is gone');

      t.equal((await world.send(endpoint, type, { body })).outcome, 'duplicate');
      await forget(world, provider, eventId);
      t.equal((await world.send(endpoint, type, { body })).outcome, 'accepted');
      await waitUntil(
        async () =>
          (await world.redis.zscore(`{semel:${provider.name}}:${provider.name}:completed`, eventId)) !== null,
        { what: 'the ledger has judged it' },
      );
      t.same(await world.sql('SELECT event_id FROM webhook_bodies'), [], 'nor does a duplicate leave one');
      await assertOneEffect(t, world, endpoint, eventId);
    });

  t.test('docusign: 20 MiB of documents', async (t) => {
    const endpoint = await world.addEndpoint('docusign', firm);
    const documents = [{ name: 'contract.pdf', PDFBytes: 'JVBERi0x'.repeat((20 * 1024 * 1024) / 8) }];
    const { body } = world.buildBody(endpoint, 'envelope-completed', { overrides: { documents } });
    // A slow machine may be late with its answer; then the next try finds the event half accepted.
    const sent = await waitUntil(
      async () => {
        const sent = await world.send(endpoint, 'envelope-completed', { body });
        return sent.status === 200 ? sent : null;
      },
      { what: 'it is acknowledged' },
    );
    await waitUntil(async () => (await world.attemptsOf(sent.eventId)).length > 0, {
      what: 'it is applied',
      timeoutMs: 60_000,
      intervalMs: 100,
    });
    const row = await assertOneEffect(t, world, endpoint, sent.eventId);
    t.ok(body.equals(row.event_raw as Buffer), 'the exact bytes');
    t.same(await world.sql('SELECT event_id FROM webhook_bodies'), []);
  });

  const awkward: Record<string, Buffer> = {
    'a NUL': Buffer.from('"\\u0000"'),
    'a lone surrogate': Buffer.from('"\\ud800"'),
    'a number beyond all numbers': Buffer.from('1e400000'),
    'deep nesting': Buffer.from(`${'['.repeat(20_000)}${']'.repeat(20_000)}`),
    'bytes that are not UTF-8': Buffer.concat([
      Buffer.from('"'),
      Buffer.from([0xff, 0xfe, 0xc3]),
      Buffer.from('"'),
    ]),
  };
  for (const provider of providers.filter(({ name }) => name !== 'twilio'))
    for (const [what, value] of Object.entries(awkward))
      t.test(`${provider.name}: ${what} goes through, without a searchable copy`, async (t) => {
        const endpoint = await world.addEndpoint(provider.name, firm);
        const plain = world.buildBody(endpoint, mainTypeOf(provider).type).body;
        const body = Buffer.concat([
          plain.subarray(0, plain.length - 1),
          Buffer.from(',"odd":'),
          value,
          Buffer.from('}'),
        ]);
        const sent = await world.send(endpoint, mainTypeOf(provider).type, {
          body,
          tamper: ({ headers }) => {
            if (provider.name !== 'stripe') return;
            const seconds = Math.floor(Date.now() / 1000); // the vendor's own signer takes text alone
            const v1 = createHmac('sha256', endpoint.secret).update(`${seconds}.`).update(body).digest('hex');
            headers['stripe-signature'] = `t=${seconds},v1=${v1}`;
          },
        });
        t.equal(sent.outcome, 'accepted');
        const row = await assertOneEffect(t, world, endpoint, sent.eventId);
        t.equal(row.event_data, null);
        t.ok(body.equals(row.event_raw as Buffer), 'the exact bytes');
      });
  t.test('twilio: a NUL goes through, without a searchable copy', async (t) => {
    const endpoint = await world.addEndpoint('twilio', firm);
    const { body } = world.buildBody(endpoint, 'inbound', { overrides: { Body: 'a\0b' } });
    t.equal((await world.send(endpoint, 'inbound', { body })).outcome, 'accepted');
    const row = await assertOneEffect(t, world, endpoint, idOf(endpoint.provider, body, 'inbound'));
    t.equal(row.event_data, null);
    t.ok(body.equals(row.event_raw as Buffer), 'the exact bytes');
  });
});
