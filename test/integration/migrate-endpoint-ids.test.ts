import { readFileSync } from 'node:fs';
import path from 'node:path';
import { migrate } from '@semel/database/migrate';
import pg from 'pg';
import t from 'tap';
import { migrationsDir, openEarlierDatabase } from '../support/earlier-database.js';
import { startPostgres, testPasswords } from '../support/servers.js';

// Events of `standard` that an older release recorded get the event id that their next delivery will have.

const renaming = '20261127050000_endpoint_in_event_id';

const server = await startPostgres({ fsync: false });
t.teardown(() => server.stop());

t.test('every row of a recorded event gets the new event id, in each firm', async (t) => {
  const { asOwner, root } = await openEarlierDatabase(t, server, renaming);
  const sql = async (text: string, values: unknown[] = []) => (await root.query(text, values)).rows;

  const at = { a: '9f86d081884c', b: '0123456789ab' };
  const firms = { a: '', b: '' };
  const endpointOf = (slug: 'a' | 'b') => `aaaaaaaa-0000-4000-8000-${at[slug]}`;
  for (const slug of ['a', 'b'] as const) {
    firms[slug] = (await sql('INSERT INTO firms (slug, name) VALUES ($1, $1) RETURNING id', [slug]))[0].id;
    await sql('INSERT INTO webhook_endpoints (id, firm_id, provider, key) VALUES ($1, $2, $3, $4)', [
      endpointOf(slug),
      firms[slug],
      'standard',
      slug,
    ]);
  }
  const stripeEndpoint = 'bbbbbbbb-0000-4000-8000-000000000000';
  await sql(`INSERT INTO webhook_endpoints (id, firm_id, provider, key) VALUES ($1, $2, 'stripe', 's')`, [
    stripeEndpoint,
    firms.a,
  ]);

  /** An event in the ledger, and in all that follows it. */
  async function record(slug: 'a' | 'b', eventId: string) {
    const firm = firms[slug];
    await sql(
      `INSERT INTO standard_webhook_events (firm_id, endpoint_id, event_id, idempotency_key, event_type, event_raw, body_sha256,
         received_at, outcome) VALUES ($1, $2, $3, 'standard:' || $3, 'x', '', '', now(), 'ignored')`,
      [firm, endpointOf(slug), eventId],
    );
    await sql(
      `INSERT INTO webhook_attempts (firm_id, provider, event_id, outcome, attempt) VALUES ($1, 'standard', $2, 'ignored', 1)`,
      [firm, eventId],
    );
    await sql(
      `INSERT INTO domain_changes (firm_id, provider, event_id, entity_type, entity_id, change)
         VALUES ($1, 'standard', $2, 'x', $1, '{}')`,
      [firm, eventId],
    );
    await sql(
      `INSERT INTO webhook_effects (firm_id, effect_key, provider, event_id) VALUES ($1, $2, 'standard', $2)`,
      [firm, eventId],
    );
    await sql(
      `INSERT INTO webhook_outbox (firm_id, effect_key, provider, event_id, destination, payload)
         VALUES ($1, $2, 'standard', $2, 'x', '{}')`,
      [firm, eventId],
    );
  }
  /** The firm's id of an event that waits, with its deliveries. */
  async function wait(slug: 'a' | 'b', eventId: string) {
    const values = [firms[slug], eventId, endpointOf(slug)];
    const columns = 'firm_id, provider, event_id, endpoint_id';
    await sql(
      `INSERT INTO webhook_deliveries (${columns}, outcome, count, first_at, last_at)
         VALUES ($1, 'standard', $2, $3, 'duplicate', 1, now(), now())`,
      values,
    );
    for (const [table, more, given] of [
      ['webhook_spill', '', ''],
      ['webhook_quarantine', ', reason', ", 'owner_collision'"],
    ])
      await sql(
        `INSERT INTO ${table} (${columns}, event_type, event_raw, body_sha256, received_at${more})
           VALUES ($1, 'standard', $2, $3, 'x', '', '', now()${given})`,
        values,
      );
  }
  await record('a', 'id=1');
  await record('a', 'msg_1');
  await record('b', 'id=1~b'); // it was firm a's id, and an operator released it
  await record('b', 'msg_2');
  await record('b', 'msg_2~b'); // rare: released, and received again after the other firm's claim had expired
  await wait('a', 'id=3');
  await wait('b', 'id=3');
  await sql(
    `INSERT INTO webhook_attempts (firm_id, provider, event_id, outcome, attempt) VALUES ($1, 'stripe', 'msg_1', 'applied', 1)`,
    [firms.a],
  );
  await sql(
    `INSERT INTO webhook_spill (firm_id, provider, event_id, endpoint_id, event_type, event_raw, body_sha256, received_at)
       VALUES ($1, 'stripe', 'evt_1', $2, 'x', '', '', now())`,
    [firms.a, stripeEndpoint],
  );

  await migrate({ databaseUrl: asOwner.href, passwords: testPasswords });

  const recorded = [`1@${at.a}`, `1@${at.b}`, `msg_1@${at.a}`, `msg_2@${at.b}`, `msg_2@${at.b}~b`].sort();
  const waiting = [`3@${at.a}`, `3@${at.b}`].sort();
  async function assertRenamed() {
    const idsIn = async (table: string) =>
      (await sql(`SELECT event_id FROM ${table} WHERE event_id LIKE '%@%'`))
        .map((row) => row.event_id)
        .sort();
    for (const table of [
      'standard_webhook_events',
      'webhook_attempts',
      'domain_changes',
      'webhook_effects',
      'webhook_outbox',
    ])
      t.same(await idsIn(table), recorded, table);
    for (const table of ['webhook_deliveries', 'webhook_spill', 'webhook_quarantine'])
      t.same(await idsIn(table), waiting, table);
    t.same(
      await sql(
        `SELECT event_id FROM standard_webhook_events WHERE idempotency_key <> 'standard:' || event_id
           OR right(split_part(event_id, '~', 1), 12) <> right(endpoint_id::text, 12)`,
      ),
      [],
    );
    t.same(
      await sql(
        `SELECT provider, event_id FROM webhook_attempts WHERE event_id NOT LIKE '%@%'
           UNION SELECT provider, event_id FROM webhook_spill WHERE event_id NOT LIKE '%@%' ORDER BY 2`,
      ),
      [
        { provider: 'stripe', event_id: 'evt_1' },
        { provider: 'stripe', event_id: 'msg_1' },
      ],
      'other providers keep their ids',
    );
    t.same(
      await sql(
        `SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity
           OR relname = 'semel_renamed_events'`,
      ),
      [],
      'row-level security is forced again',
    );
  }
  await assertRenamed();

  const owner = new pg.Client({ connectionString: asOwner.href });
  await owner.connect();
  await owner.query(readFileSync(path.join(migrationsDir, renaming, 'migration.sql'), 'utf8'));
  await owner.end();
  await assertRenamed(); // a second run changes nothing

  await t.rejects(record('a', 'msg_9'), { code: '23514' } as never, 'an older worker can not write its ids');
});
