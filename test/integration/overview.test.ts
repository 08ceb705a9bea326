import { openPool, readGauges } from '@semel/database';
import { providers } from '@semel/providers';
import pg from 'pg';
import t from 'tap';
import { createTestDatabase, testPasswords } from '../support/servers.js';
import { openTestAdmin } from '../support/test-admin.js';

// `semel status` and the console's metrics count the same rows, of every firm and of the platform.

const database = await createTestDatabase(t);
const admin = openTestAdmin(t, database);
const owner = new pg.Pool({ connectionString: database.url });
const pool = openPool({
  databaseUrl: database.url,
  passwords: testPasswords,
  role: 'console',
  max: 1,
  connectTimeoutMs: 5_000,
  statementTimeoutMs: 5_000,
});
t.teardown(async () => {
  await pool.end();
  await owner.end();
});

const noEvents = providers.map(({ name }) => ({ provider: name, failed: 0, dead: 0, stuck: 0 }));

t.test('an empty database has nothing to count', async (t) => {
  t.strictSame(await admin.status.overview(), {
    endpoints: 0,
    failingEndpoints: 0,
    spill: { waiting: 0, oldest: null, refusedByRedis: 0 },
    quarantine: { open: 0, oldest: null },
    outbox: { pending: 0, overdue: 0, dead: 0 },
    events: noEvents,
  });
});

t.test('rows of all firms and of the platform are counted, each once', async (t) => {
  const firms = [
    await admin.firms.add({ slug: 'acme', name: 'Acme' }),
    await admin.firms.add({ slug: 'birch', name: 'Birch' }),
  ];
  const add = (firmSlug: string | null) =>
    admin.endpoints.add({ provider: 'stripe', firmSlug, secrets: ['whsec_a'] });
  const [acme, birch, platform, disabled] = [
    await add('acme'),
    await add('birch'),
    await add(null),
    await add('acme'),
  ];
  await owner.query('UPDATE webhook_endpoints SET disabled_at = now() WHERE id = $1', [disabled.id]);
  const [a, b] = firms.map(({ id }) => id);

  await owner.query(
    `INSERT INTO webhook_endpoint_health (endpoint_id, firm_id, refused_since, refused_at) VALUES
       ($1, $5, now() - interval '61 minutes', now()), ($2, $6, now() - interval '59 minutes', now()),
       ($3, NULL, now() - interval '2 hours', now()), ($4, $5, now() - interval '2 hours', now())`,
    [acme.id, birch.id, platform.id, disabled.id, a, b],
  );
  await owner.query(
    `INSERT INTO webhook_spill (firm_id, provider, event_id, endpoint_id, event_type, event_raw, body_sha256, received_at, enqueued_at, last_error)
     VALUES ($1, 'stripe', 'evt_1', $3, 'x', '', '', '2026-01-02Z', NULL, NULL), ($2, 'stripe', 'evt_2', $4, 'x', '', '', '2026-01-01Z', NULL, 'too large'),
       ($1, 'stripe', 'evt_3', $3, 'x', '', '', '2025-01-01Z', now(), NULL)`,
    [a, b, acme.id, birch.id],
  );
  await owner.query(
    `INSERT INTO webhook_quarantine (provider, event_id, firm_id, endpoint_id, reason, event_type, event_raw, body_sha256, received_at, resolved_at)
     VALUES ('stripe', 'evt_1', $1, $2, 'owner_collision', 'x', '', '', '2026-01-04Z', NULL), ('stripe', 'evt_2', NULL, $3, 'account_unknown', 'x', '', '', '2026-01-03Z', NULL),
       ('stripe', 'evt_3', $1, $2, 'owner_collision', 'x', '', '', '2025-01-01Z', now())`,
    [a, acme.id, platform.id],
  );
  await owner.query(
    `WITH effects AS (INSERT INTO webhook_effects (firm_id, effect_key, provider, event_id)
       SELECT $1::uuid, n::text, 'stripe', 'evt_1' FROM generate_series(1, 5) n)
     INSERT INTO webhook_outbox (firm_id, effect_key, provider, event_id, destination, payload, status, next_attempt_at) VALUES
       ($1, '1', 'stripe', 'evt_1', 'd', '{}', 'pending', now()), ($1, '2', 'stripe', 'evt_1', 'd', '{}', 'pending', now() - interval '6 minutes'),
       ($1, '3', 'stripe', 'evt_1', 'd', '{}', 'pending', now() - interval '4 minutes'), ($1, '4', 'stripe', 'evt_1', 'd', '{}', 'dead', now()),
       ($1, '5', 'stripe', 'evt_1', 'd', '{}', 'delivered', now() - interval '1 hour')`,
    [b],
  );
  await owner.query(
    `INSERT INTO finance_stripe_webhook_events (firm_id, endpoint_id, stripe_event_id, idempotency_key, event_type, event_raw, body_sha256, received_at, outcome, last_error)
     SELECT r.firm, r.endpoint, r.id, 'stripe:' || r.id, 'x', '', '', now() - r.age, r.outcome, r.error FROM (VALUES
       ($1::uuid, $3::uuid, 'evt_f1', interval '23 hours', 'failed', 'handler_stuck: quoted by a handler'), ($2, $4, 'evt_f2', interval '1 minute', 'failed', NULL),
       ($2, $4, 'evt_d', interval '1 minute', 'dead', 'handler_failed: handler_stuck'), ($1, $3, 'evt_s', interval '1 minute', 'dead', 'handler_stuck: x'),
       ($1, $3, 'evt_old', interval '25 hours', 'dead', 'handler_stuck: x'), ($1, $3, 'evt_done', interval '1 minute', 'applied', NULL)) AS r (firm, endpoint, id, age, outcome, error)`,
    [a, b, acme.id, birch.id],
  );

  const overview = await admin.status.overview();
  t.strictSame(overview, {
    endpoints: 3,
    failingEndpoints: 2,
    spill: { waiting: 2, oldest: new Date('2026-01-01'), refusedByRedis: 1 },
    quarantine: { open: 2, oldest: new Date('2026-01-03') },
    outbox: { pending: 3, overdue: 1, dead: 1 },
    events: noEvents.map((none) =>
      none.provider === 'stripe' ? { ...none, failed: 2, dead: 2, stuck: 1 } : none,
    ),
  });
  const { rows, endpoints } = await readGauges(pool);
  const { spill, quarantine, outbox } = overview;
  t.strictSame(rows, { spill, quarantine, outbox });
  t.strictSame(
    endpoints.map(({ endpoint, firm }) => [endpoint, firm]).sort(),
    [
      [acme.key, 'acme'],
      [birch.key, 'birch'],
      [platform.key, ''],
    ].sort(),
  );
});
