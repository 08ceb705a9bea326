import { createHmac } from 'node:crypto';
import { providers } from '@semel/providers';
import { queueKey } from '@semel/queue';
import t from 'tap';
import { forget } from '../support/forget.js';
import { mainTypeOf, startHarness } from '../support/harness.js';
import { assertOneEffect, idOf } from '../support/one-effect.js';
import { waitUntil } from '../support/servers.js';

// Answers to authentic deliveries, and bodies that arrive byte by byte.

t.test('answers to senders, and how soon a change of an endpoint takes effect', async (t) => {
  const harness = await startHarness(t);
  const firm = await harness.addFirm();

  for (const provider of providers) {
    const { name } = provider;
    const type = mainTypeOf(provider).type;

    t.test(`${name}: the answer names outcome and event id; Twilio messages get TwiML`, async (t) => {
      const endpoint = await harness.addEndpoint(name, firm);
      const { body } = harness.buildBody(endpoint, type);
      for (const outcome of ['accepted', 'duplicate']) {
        const sent = await harness.send(endpoint, type, { body });
        t.equal(sent.status, 200);
        t.equal(sent.outcome, outcome);
        if (type === 'inbound') {
          t.match(sent.headers.get('content-type'), /^text\/xml/);
          t.equal(sent.text, '<Response/>');
        } else {
          t.match(sent.headers.get('content-type'), /^application\/json/);
          t.strictSame(JSON.parse(sent.text), { outcome, eventId: idOf(endpoint, body) });
        }
      }
    });

    t.test(
      `${name}: each of an endpoint's secrets verifies, another endpoint's secret does not`,
      async (t) => {
        const endpoint = await harness.addEndpoint(name, firm);
        const other = await harness.addEndpoint(name, firm);
        const second = provider.newSecret();
        await harness.addSecret(endpoint, second);
        for (const secret of [endpoint.secret, second])
          t.equal((await harness.send(endpoint, type, { secret })).outcome, 'accepted');
        t.equal((await harness.send(endpoint, type, { secret: other.secret })).status, 401);
      },
    );

    t.test(`${name}: adding, rotating or disabling an endpoint takes effect within a second`, async (t) => {
      const endpoint = await harness.addEndpoint(name, firm);
      t.equal((await harness.send(endpoint, type)).outcome, 'accepted', 'added a moment ago');

      const rotated = provider.newSecret();
      await harness.sql('DELETE FROM webhook_endpoint_secrets WHERE endpoint_id = $1', [endpoint.id]);
      await harness.addSecret(endpoint, rotated);
      t.equal(
        (await harness.send(endpoint, type, { secret: rotated })).outcome,
        'accepted',
        'the new secret',
      );
      await within1s(
        async () => (await harness.send(endpoint, type)).code === 'signature_invalid',
        'old secret',
      );

      for (const column of ['disabled_at', 'removed_at']) {
        await harness.sql(`UPDATE webhook_endpoints SET ${column} = now() WHERE id = $1`, [endpoint.id]);
        await within1s(
          async () => (await harness.send(endpoint, type, { secret: rotated })).code === 'unknown_endpoint',
          column,
        );
        await harness.sql(`UPDATE webhook_endpoints SET ${column} = NULL WHERE id = $1`, [endpoint.id]);
        const sent = await harness.send(endpoint, type, { secret: rotated });
        t.equal(sent.outcome, 'accepted', 'and back again');
      }
    });

    t.test(`${name}: the unsigned content type changes nothing`, async (t) => {
      const endpoint = await harness.addEndpoint(name, firm);
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
        const { body } = harness.buildBody(endpoint, type);
        const sent = await harness.send(endpoint, type, {
          body,
          tamper: ({ headers }) => {
            delete headers['content-type'];
            if (contentType !== null) headers['content-type'] = contentType;
          },
        });
        t.equal(sent.outcome, 'accepted', `content-type ${contentType}`);
        if (contentType === ';;')
          t.same((await harness.applied(provider, idOf(endpoint, body))).event_raw, body, 'the exact bytes');
      }
    });
  }

  t.test('a test event at a live endpoint is recorded and changes nothing', async (t) => {
    const endpoint = await harness.addEndpoint('stripe', firm, { mode: 'live' });
    const test = await harness.send(endpoint, 'invoice.paid', { overrides: { $event: { livemode: false } } });
    t.equal(test.outcome, 'accepted');
    const row = await assertOneEffect(t, harness, endpoint, test.eventId, 'ignored');
    t.equal(row.ignored_reason, 'mode_mismatch');
    t.same(await harness.sql('SELECT * FROM domain_changes WHERE event_id = $1', [test.eventId]), []);

    const live = await harness.send(endpoint, 'invoice.paid', { overrides: { $event: { livemode: true } } });
    await assertOneEffect(t, harness, endpoint, live.eventId);
  });

  const unknown: Record<string, (body: string) => string> = {
    stripe: (body) => body.replace('"type":"invoice.paid"', '"type":"radar.something_new"'),
    square: (body) => body.replace('"type":"payment.created"', '"type":"loyalty.something.new"'),
    docusign: (body) => body.replace('"event":"envelope-completed"', '"event":"template-something-new"'),
  };
  for (const [name, change] of Object.entries(unknown))
    t.test(`${name}: an event of an unknown type is recorded`, async (t) => {
      const endpoint = await harness.addEndpoint(name, firm);
      const built = harness.buildBody(endpoint, mainTypeOf(endpoint.provider).type).body.toString();
      const body = Buffer.from(change(built));
      t.not(body.toString(), built);
      const sent = await harness.send(endpoint, mainTypeOf(endpoint.provider).type, { body });
      t.equal(sent.outcome, 'accepted');
      const row = await assertOneEffect(t, harness, endpoint, sent.eventId, 'ignored');
      t.equal(row.ignored_reason, 'type_not_handled');
      t.same(row.event_raw, body);
    });
  t.test('twilio: an unknown status is recorded', async (t) => {
    const endpoint = await harness.addEndpoint('twilio', firm);
    const sent = await harness.send(endpoint, 'status:sent', { overrides: { MessageStatus: 'teleported' } });
    t.equal(sent.outcome, 'accepted');
    t.match(await harness.applied(endpoint.provider, sent.eventId), { event_type: 'status:teleported' });
  });
});

async function within1s(holds: () => Promise<boolean>, what: string) {
  await waitUntil(holds, { what, timeoutMs: 1_000, intervalMs: 25 });
}

t.test('bodies of any size and shape', async (t) => {
  const harness = await startHarness(t);
  const firm = await harness.addFirm();

  for (const provider of providers)
    t.test(
      `${provider.name}: a large body is stored in Postgres, and the ledger gets every byte`,
      async (t) => {
        const type = mainTypeOf(provider).type;
        const endpoint = await harness.addEndpoint(provider.name, firm);
        const padding = 'å'.repeat(60_000);
        const overrides = provider.name === 'twilio' ? { Body: padding } : { padding };
        const { body } = harness.buildBody(endpoint, type, { overrides });
        t.ok(body.length > 64 * 1024);
        t.equal((await harness.send(endpoint, type, { body })).outcome, 'accepted');
        const eventId = idOf(endpoint, body);
        const job = JSON.parse((await harness.redis.hget(queueKey(provider.name, eventId), 'data')) ?? '{}');
        t.strictSame(job.body, { stored: true }, 'the job carries a reference alone');
        t.ok(Number(await harness.redis.memory('USAGE', queueKey(provider.name, eventId))) < 4_096);
        const row = await assertOneEffect(t, harness, endpoint, eventId);
        t.ok(body.equals(row.event_raw as Buffer), 'the exact bytes');
        t.same(await harness.sql('SELECT event_id FROM webhook_bodies'), [], 'and the copy is gone');

        t.equal((await harness.send(endpoint, type, { body })).outcome, 'duplicate');
        await forget(harness, provider, eventId);
        t.equal((await harness.send(endpoint, type, { body })).outcome, 'accepted');
        await waitUntil(
          async () =>
            (await harness.redis.zscore(`{semel:${provider.name}}:${provider.name}:completed`, eventId)) !==
            null,
          { what: 'the ledger has judged it' },
        );
        t.same(
          await harness.sql('SELECT event_id FROM webhook_bodies'),
          [],
          'nor does a duplicate leave one',
        );
        await assertOneEffect(t, harness, endpoint, eventId);
      },
    );

  t.test('docusign: a body with 20 MiB of documents is applied', async (t) => {
    const endpoint = await harness.addEndpoint('docusign', firm);
    const documents = [{ name: 'contract.pdf', PDFBytes: 'JVBERi0x'.repeat((20 * 1024 * 1024) / 8) }];
    const { body } = harness.buildBody(endpoint, 'envelope-completed', { overrides: { documents } });
    // On a slow machine the answer may be late; then the retry finds the event half accepted.
    const sent = await waitUntil(
      async () => {
        const sent = await harness.send(endpoint, 'envelope-completed', { body });
        return sent.status === 200 ? sent : null;
      },
      { what: 'it is acknowledged' },
    );
    await waitUntil(async () => (await harness.attemptsOf(sent.eventId)).length > 0, {
      what: 'it is applied',
      timeoutMs: 60_000,
      intervalMs: 100,
    });
    const row = await assertOneEffect(t, harness, endpoint, sent.eventId);
    t.ok(body.equals(row.event_raw as Buffer), 'the exact bytes');
    t.same(await harness.sql('SELECT event_id FROM webhook_bodies'), []);
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
      t.test(`${provider.name}: ${what} is applied, without a searchable copy`, async (t) => {
        const endpoint = await harness.addEndpoint(provider.name, firm);
        const plain = harness.buildBody(endpoint, mainTypeOf(provider).type).body;
        const body = Buffer.concat([
          plain.subarray(0, plain.length - 1),
          Buffer.from(',"odd":'),
          value,
          Buffer.from('}'),
        ]);
        const sent = await harness.send(endpoint, mainTypeOf(provider).type, {
          body,
          tamper: ({ headers }) => {
            if (provider.name !== 'stripe') return;
            const seconds = Math.floor(Date.now() / 1000); // the vendor's own signer takes only text
            const v1 = createHmac('sha256', endpoint.secret).update(`${seconds}.`).update(body).digest('hex');
            headers['stripe-signature'] = `t=${seconds},v1=${v1}`;
          },
        });
        t.equal(sent.outcome, 'accepted');
        const row = await assertOneEffect(t, harness, endpoint, sent.eventId);
        t.equal(row.event_data, null);
        t.ok(body.equals(row.event_raw as Buffer), 'the exact bytes');
      });
  t.test('twilio: a body with NUL is applied, without a searchable copy', async (t) => {
    const endpoint = await harness.addEndpoint('twilio', firm);
    const { body } = harness.buildBody(endpoint, 'inbound', { overrides: { Body: 'a\0b' } });
    t.equal((await harness.send(endpoint, 'inbound', { body })).outcome, 'accepted');
    const row = await assertOneEffect(t, harness, endpoint, idOf(endpoint, body, 'inbound'));
    t.equal(row.event_data, null);
    t.ok(body.equals(row.event_raw as Buffer), 'the exact bytes');
  });
});
