import { randomUUID } from 'node:crypto';
import type { WebhookEvent } from '@semel/core';
import { connectionAs, encryptionKey } from '@semel/database';
import { providers } from '@semel/providers';
import pg from 'pg';
import t from 'tap';
import { openAdmin } from '../../packages/database/src/admin/index.js';
import { openSecret, secretBinding } from '../../packages/database/src/connection/secrets.js';
import { createTestDatabase, testEncryptionKey, testPasswords } from '../support/servers.js';
import { openTestAdmin } from '../support/test-admin.js';

const key = encryptionKey(testEncryptionKey);
const database = await createTestDatabase(t);
const admin = openTestAdmin(t, database);
const owner = new pg.Pool({ connectionString: database.url });
t.teardown(async () => {
  await owner.end();
});

const acme = await admin.firms.add({ slug: 'acme', name: 'Acme LLP' });
const birch = await admin.firms.add({ slug: 'birch', name: 'Birch' });
const firmEndpoint = await admin.endpoints.add({
  provider: 'stripe',
  firmSlug: 'acme',
  secrets: ['whsec_a'],
});
const platform = await admin.endpoints.add({ provider: 'stripe', firmSlug: null, secrets: ['whsec_p'] });

t.test('firms have unique slugs', async (t) => {
  t.match(await admin.firms.list(), [{ slug: 'acme', id: acme.id, name: 'Acme LLP' }, { slug: 'birch' }]);
  await t.rejects(admin.firms.add({ slug: 'acme', name: 'Again' }), { code: 'slug_taken' });
  for (const slug of ['', 'A', 'a--b', '-a', 'a-', 'a_b', 'a'.repeat(64), 'timeout Connection\0'])
    await t.rejects(admin.firms.add({ slug, name: 'x' }), { code: 'slug_invalid' }, JSON.stringify(slug));
  await t.rejects(admin.firms.add({ slug: 'ok', name: ' ' }), { code: 'input_invalid' });
});

t.test('an endpoint is added, listed, changed, disabled and removed', async (t) => {
  const made = await admin.endpoints.add({
    provider: 'square',
    firmSlug: 'acme',
    secrets: ['one', 'two'],
    accounts: ['M1', 'M1', 'M2'],
    mode: 'live',
    publicUrl: 'https://hooks.example.com/base/',
  });
  t.match(made.key, /^[0-9A-Za-z]{22}$/);
  const [row] = await admin.endpoints.list({ provider: 'square' });
  t.match(row, {
    ...made,
    firmSlug: 'acme',
    accounts: ['M1', 'M2'],
    mode: 'live',
    publicUrl: 'https://hooks.example.com/base',
    secretCount: 2,
    disabledAt: null,
  });
  t.notMatch(JSON.stringify(row), /sealed|one|two/);

  const secrets = async () => {
    const { rows } = await owner.query('SELECT * FROM webhook_endpoint_secrets WHERE endpoint_id = $1', [
      made.id,
    ]);
    return rows.map(({ id, sealed }) =>
      openSecret(key, sealed, secretBinding({ endpointId: made.id, secretId: id })),
    );
  };
  t.strictSame((await secrets()).sort(), ['one', 'two']);
  await admin.endpoints.update(made, { addSecrets: ['three'] });
  t.equal((await secrets()).length, 3);
  const changed = await admin.endpoints.update(
    { key: made.id },
    { secrets: ['four'], accounts: [], mode: null },
  );
  t.match(changed, { secretCount: 1, accounts: [], mode: null, publicUrl: 'https://hooks.example.com/base' });
  t.strictSame(await secrets(), ['four']);

  t.match((await admin.endpoints.disable(made)).disabledAt, Date);
  t.match(await admin.endpoints.update(made, { disabled: false }), { disabledAt: null });
  t.strictSame(await admin.endpoints.remove(made), { ...made, firmSlug: 'acme' });
  t.strictSame(await secrets(), []);
  t.strictSame(await admin.endpoints.list({ provider: 'square' }), []);
  await t.rejects(admin.endpoints.update(made, {}), { code: 'endpoint_unknown' });
  await t.rejects(
    admin.endpoints.add({ provider: 'square', firmSlug: 'acme', secrets: ['x'], key: made.key }),
    { code: 'key_taken' },
    'its key stays taken',
  );
});

t.test('an invalid endpoint is refused, and nothing of it is stored', async (t) => {
  const endpoint = { provider: 'stripe', firmSlug: 'acme', secrets: ['whsec_x'] };
  const before = await admin.endpoints.list();
  for (const [wrong, code] of [
    [{ provider: 'acme' }, 'provider_unknown'],
    [{ firmSlug: 'nobody' }, 'firm_unknown'],
    [{ secrets: [] }, 'secret_missing'],
    [{ secrets: [' '] }, 'secret_missing'],
    [{ mode: 'prod' }, 'mode_invalid'],
    [{ publicUrl: 'ftp://x' }, 'input_invalid'],
    [{ publicUrl: 'x' }, 'input_invalid'],
    [{ accounts: [''] }, 'input_invalid'],
    [{ key: 'a/b' }, 'input_invalid'],
    [{ key: platform.key }, 'key_taken'],
  ] as const)
    await t.rejects(admin.endpoints.add({ ...endpoint, ...wrong }), { code }, JSON.stringify(wrong));
  t.strictSame(await admin.endpoints.list(), before);

  await admin.endpoints.add({ ...endpoint, provider: 'twilio', secrets: ['x'], key: firmEndpoint.key });
  await t.rejects(admin.endpoints.disable({ key: firmEndpoint.key }), { code: 'endpoint_ambiguous' });
  await admin.endpoints.disable({ key: firmEndpoint.key, provider: 'twilio' });
});

t.test('an account is mapped to one firm', async (t) => {
  const mapping = { provider: 'stripe', account: 'acct_1', firmSlug: 'acme' };
  await admin.accounts.map(mapping);
  t.match(await admin.accounts.map(mapping), mapping, 'twice the same');
  await t.rejects(admin.accounts.map({ ...mapping, firmSlug: 'birch' }), {
    code: 'account_taken',
    message: /acme/,
  });
  t.match(await admin.accounts.list({ firmSlug: 'acme' }), [mapping]);
  t.strictSame(await admin.accounts.list({ firmSlug: 'birch' }), []);
  await admin.accounts.unmap(mapping);
  await t.rejects(admin.accounts.unmap(mapping), { code: 'account_unknown' });
  await t.rejects(admin.accounts.map({ ...mapping, provider: 'x' }), { code: 'provider_unknown' });
  await t.rejects(admin.accounts.map({ ...mapping, firmSlug: 'x' }), { code: 'firm_unknown' });
});

const received = new Date('2026-11-01T12:00:00.000Z');

async function ledger(event: {
  id: string;
  firmId: string;
  outcome: string;
  raw?: Buffer;
  minutes?: number;
}) {
  await owner.query(
    `INSERT INTO finance_stripe_webhook_events (firm_id, endpoint_id, stripe_event_id, idempotency_key, event_type, event_raw,
       body_sha256, received_at, outcome, invoice_id)
     VALUES ($1, $2, $3, 'stripe:' || $3, 'invoice.paid', $4, 'f00', $5, $6,
       (SELECT id FROM finance_invoices WHERE firm_id = $1 LIMIT 1))`,
    [
      event.firmId,
      firmEndpoint.id,
      event.id,
      event.raw ?? Buffer.from('{"é":1}'),
      new Date(received.getTime() + (event.minutes ?? 0) * 60_000),
      event.outcome,
    ],
  );
}

t.test('events are listed, shown and found', async (t) => {
  await owner.query(
    `INSERT INTO finance_invoices (id, firm_id, provider, external_id, amount_due, order_rank, order_time, order_event)
     VALUES ($1, $2, 'stripe', 'in_1', 9007199254740993, 0, 0, '')`,
    [randomUUID(), acme.id],
  );
  await ledger({ id: 'evt_1', firmId: acme.id, outcome: 'applied' });
  await ledger({ id: 'evt_2', firmId: birch.id, outcome: 'dead', minutes: 1, raw: Buffer.from([0xff, 0]) });
  await ledger({
    id: 'evt_3',
    firmId: acme.id,
    outcome: 'failed',
    minutes: 2,
    raw: Buffer.alloc(70_000, 'a'),
  });
  const about = ['stripe', 'evt_1'];
  await owner.query(
    `INSERT INTO webhook_attempts (firm_id, provider, event_id, outcome, attempt) VALUES ($3, $1, $2, 'applied', 1)`,
    [...about, acme.id],
  );
  await owner.query(
    `INSERT INTO domain_changes (firm_id, provider, event_id, entity_type, entity_id, change)
     VALUES ($3, $1, $2, 'invoice', gen_random_uuid(), '{"status":"paid"}')`,
    [...about, acme.id],
  );
  await owner.query(
    `INSERT INTO webhook_deliveries (firm_id, provider, event_id, endpoint_id, outcome, count, first_at, last_at)
     VALUES ($3, $1, $2, $4, 'duplicate', 3, now(), now())`,
    [...about, acme.id, firmEndpoint.id],
  );

  const ids = async (filter: Partial<Parameters<typeof admin.events.list>[0]>) =>
    (await admin.events.list({ limit: 10, ...filter })).rows.map(({ eventId }) => eventId);
  t.strictSame(await ids({}), ['evt_3', 'evt_2', 'evt_1'], 'the newest first, over all firms');
  t.strictSame(await ids({ limit: 2 }), ['evt_3', 'evt_2']);
  t.strictSame(await ids({ firmSlug: 'acme' }), ['evt_3', 'evt_1']);
  t.strictSame(await ids({ outcome: 'dead' }), ['evt_2']);
  t.strictSame(await ids({ provider: 'twilio' }), []);
  t.strictSame(await ids({ since: new Date(received.getTime() + 60_000) }), ['evt_3', 'evt_2']);
  t.strictSame(await ids({ until: new Date(received.getTime() + 60_000) }), ['evt_1']);
  t.match((await admin.events.list({ limit: 1 })).rows[0], {
    firmSlug: 'acme',
    eventType: 'invoice.paid',
    outcome: 'failed',
  });
  await t.rejects(ids({ outcome: 'done' }), { code: 'input_invalid' });
  await t.rejects(ids({ provider: 'x' }), { code: 'provider_unknown' });
  await t.rejects(ids({ firmSlug: 'x' }), { code: 'firm_unknown' });

  const shown = await admin.events.show('stripe', 'evt_1');
  t.match(shown, {
    event: {
      eventRaw: '{"é":1}',
      eventRawEncoding: 'utf8',
      firmSlug: 'acme',
      stripeEventId: 'evt_1',
      outcome: 'applied',
    },
    linked: { invoice_id: { externalId: 'in_1', amountDue: '9007199254740993' } },
    deliveries: [{ count: 3 }],
    attempts: [{ outcome: 'applied' }],
    changes: [{ change: { status: 'paid' } }],
    quarantined: [],
  });
  t.doesNotThrow(() => JSON.stringify(shown));
  t.match((await admin.events.show('stripe', 'evt_2')).event, {
    eventRaw: '/wA=',
    eventRawEncoding: 'base64',
  });
  await t.rejects(admin.events.show('stripe', 'evt_9'), { code: 'event_unknown' });
  await t.rejects(admin.events.show('stripe', 'evt\0'), { code: 'event_unknown' });

  t.strictSame(await admin.events.find('stripe', 'evt_2'), {
    outcome: 'dead',
    event: {
      v: 2,
      firmId: birch.id,
      provider: 'stripe',
      eventId: 'evt_2',
      type: 'invoice.paid',
      channel: null,
      endpointId: firmEndpoint.id,
      account: null,
      createdAtMs: null,
      receivedAtMs: received.getTime() + 60_000,
      body: { base64: '/wA=' },
      sha256: 'f00',
      ignored: null,
    },
  });
  t.strictSame(
    (await admin.events.find('stripe', 'evt_3')).event.body,
    { stored: true },
    'too large to ride along',
  );
});

async function setAside(row: {
  eventId: string;
  reason: string;
  endpointId: string;
  firmId?: string;
  account?: string;
}) {
  const { rows } = await owner.query(
    `INSERT INTO webhook_quarantine (provider, event_id, firm_id, endpoint_id, account, reason, event_type, event_raw, body_sha256,
       received_at)
     VALUES ('stripe', $1, $2, $3, $4, $5, 'invoice.paid', '{}', 'f00', now()) RETURNING id`,
    [row.eventId, row.firmId ?? null, row.endpointId, row.account ?? null, row.reason],
  );
  return String(rows[0].id);
}

t.test('a quarantined event is released for its own firm or discarded, exactly once', async (t) => {
  const armed: WebhookEvent[] = [];
  const requeue = async (event: WebhookEvent) => {
    armed.push(event);
    return 'enqueued' as const;
  };
  const id = await setAside({
    eventId: 'evt_1',
    reason: 'owner_collision',
    endpointId: firmEndpoint.id,
    firmId: birch.id,
  });
  t.match(await admin.quarantine.list({ limit: 10 }), [
    { id: Number(id), eventId: 'evt_1', firmSlug: 'birch' },
  ]);
  t.match(await admin.quarantine.show(id), { eventRaw: '{}', reason: 'owner_collision' });
  t.match((await admin.events.show('stripe', 'evt_1')).quarantined, [{ id: Number(id) }]);

  await t.rejects(
    admin.quarantine.release(id, async () => {
      throw new Error('redis is away');
    }),
    /redis is away/,
  );
  await t.rejects(
    admin.quarantine.release(id, async () => 'foreign'),
    { code: 'event_id_taken' },
  );
  const released = await admin.quarantine.release(id, requeue);
  t.match(released, { firmId: birch.id, eventId: 'evt_1~birch', body: { utf8: '{}' } });
  t.strictSame(armed, [released]);
  await t.rejects(admin.quarantine.release(id, requeue), { code: 'already_resolved', message: /released/ });
  await t.rejects(admin.quarantine.discard(id), { code: 'already_resolved' });
  t.strictSame(await admin.quarantine.list({ limit: 10 }), []);
  t.match(await admin.quarantine.list({ limit: 10, resolved: true }), [{ resolution: 'released' }]);

  const discarded = await setAside({ eventId: 'evt_d', reason: 'account_unknown', endpointId: platform.id });
  t.match(await admin.quarantine.discard(discarded), { resolution: 'discarded' });
  for (const unknown of ['999', 'x', '-1', '9'.repeat(30)])
    await t.rejects(admin.quarantine.show(unknown), { code: 'quarantine_unknown' });
});

t.test(
  "mapping an account makes its quarantined event releasable; a firm endpoint's event stays with its firm",
  async (t) => {
    const requeue = async () => 'enqueued' as const;
    const account = 'acct_new';
    const unknown = await setAside({
      eventId: 'evt_u',
      reason: 'account_unknown',
      endpointId: platform.id,
      account,
    });
    await t.rejects(admin.quarantine.release(unknown, requeue), { code: 'still_unmapped' });
    await admin.accounts.map({ provider: 'stripe', account, firmSlug: 'birch' });
    t.match(await admin.quarantine.release(unknown, requeue), {
      firmId: birch.id,
      eventId: 'evt_u',
      account,
    });

    const nameless = await setAside({ eventId: 'evt_n', reason: 'account_unknown', endpointId: platform.id });
    await t.rejects(admin.quarantine.release(nameless, requeue), {
      code: 'still_unmapped',
      message: /names no account/,
    });

    const foreign = { reason: 'account_foreign', endpointId: firmEndpoint.id, firmId: acme.id, account };
    t.match(await admin.quarantine.release(await setAside({ ...foreign, eventId: 'evt_f' }), requeue), {
      firmId: acme.id,
      eventId: 'evt_f',
    });
    const taken = await setAside({ ...foreign, eventId: 'evt_2' });
    t.match(
      await admin.quarantine.release(taken, requeue),
      { firmId: acme.id, eventId: 'evt_2~acme' },
      'the ledger has it',
    );
    const claimed = await setAside({ ...foreign, eventId: 'evt_c' });
    const busy = async ({ eventId }: WebhookEvent) =>
      eventId === 'evt_c' ? ('foreign' as const) : ('enqueued' as const);
    t.match(await admin.quarantine.release(claimed, busy), { eventId: 'evt_c~acme' }, 'the queue has it');
  },
);

t.test("without a firm scope the console sees no firm's rows", async (t) => {
  const pool = new pg.Pool(connectionAs(database.url, 'console', testPasswords));
  t.teardown(() => pool.end());
  const { rows } = await pool.query(
    'SELECT (SELECT count(*) FROM webhook_endpoints) + (SELECT count(*) FROM firms) AS n',
  );
  t.equal(Number(rows[0].n), 0);
});

t.test('an unreachable Postgres is reported as a store outage', async (t) => {
  const away = openAdmin({
    databaseUrl: 'postgresql://127.0.0.1:1/none',
    passwords: testPasswords,
    encryptionKey: key,
    providers,
  });
  t.teardown(() => away.close());
  await t.rejects(away.firms.list(), { code: 'store_unavailable' });
});
