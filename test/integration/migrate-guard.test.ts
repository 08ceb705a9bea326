import { type Entity, type EntityRef, entityId, type Provider } from '@semel/core';
import { tables } from '@semel/database';
import { migrate } from '@semel/database/migrate';
import { providerNamed } from '@semel/providers';
import t from 'tap';
import { openApplier } from '../support/apply-directly.js';
import { openEarlierDatabase } from '../support/earlier-database.js';
import type { Harness, TestEndpoint } from '../support/harness.js';
import { buildEvent, startMs } from '../support/histories.js';
import { startPostgres, testPasswords } from '../support/servers.js';

// Rows written with the earlier guard (two provider-specific numbers) continue under the current one.

const guard = '20261127010000_guard';
const [startSeconds, startMicros] = [startMs / 1000, startMs * 1000];

/**
 * A row as it was, and events that come now: each moves the row, or comes too late. (One that is too late can still be applied:
 * it fills a column that no event takes back, or moves other objects.)
 */
interface Case {
  provider: string;
  row: EntityRef;
  columns?: Record<string, unknown>;
  order: [major: number, minor: number];
  events: [type: string, overrides: Record<string, unknown>, when: { ms?: number }, fate: 'moves' | 'late'][];
}

const row = (entity: Entity, externalId: string): EntityRef => ({ entity, externalId });
const usd = (amount: number) => ({ amount, currency: 'USD' });
const sent = { id: 'env_1', status: 'sent', $event: { event: 'envelope-corrected' } };
const SM = `SM${'b'.repeat(32)}`;
const inbound = (sid: string, Body: string) => ({
  id: `SM${sid.repeat(32)}`,
  Body,
  From: '+12015550123',
  To: '+12015550100',
});
const charge = { id: 'ch_1', payment_intent: undefined };

const cases: Case[] = [
  {
    provider: 'stripe',
    row: row('invoice', 'in_1'),
    columns: { status: 'open', amount_due: 1500, amount_paid: 500 },
    order: [1, startSeconds],
    events: [
      ['invoice.updated', { id: 'in_1', status: 'open', amount_paid: 900 }, { ms: -1000 }, 'late'],
      ['invoice.updated', { id: 'in_1', status: 'open', amount_paid: 0 }, {}, 'late'],
      ['invoice.finalized', { id: 'in_1', status: 'open', amount_paid: 500 }, {}, 'moves'],
      ['invoice.updated', { id: 'in_1', status: 'open', amount_paid: 700 }, { ms: 1000 }, 'moves'],
      ['invoice.updated', { id: 'in_1', status: 'draft' }, { ms: 9000 }, 'late'],
    ],
  },
  {
    provider: 'stripe',
    row: row('payment', 'pi_1'),
    columns: { status: 'processing', amount: 12_500 },
    order: [0, startSeconds],
    events: [
      ['payment_intent.requires_action', { id: 'pi_1' }, { ms: -1000 }, 'late'],
      ['payment_intent.created', { id: 'pi_1' }, {}, 'late'],
      ['payment_intent.payment_failed', { id: 'pi_1' }, {}, 'moves'],
      ['payment_intent.processing', { id: 'pi_1' }, { ms: 1000 }, 'moves'],
    ],
  },
  {
    provider: 'stripe',
    row: row('charge', 'ch_1'),
    columns: { status: 'succeeded', amount: 12_500, amount_captured: 12_500, amount_refunded: 300 },
    order: [2, startSeconds * 1_000_000 + Math.floor((300 / 12_500) * 999_999)],
    events: [
      ['charge.updated', { ...charge, amount_refunded: 299 }, {}, 'late'],
      ['charge.updated', { ...charge, amount_refunded: 300 }, {}, 'moves'],
    ],
  },
  {
    provider: 'stripe',
    row: row('payment', 'ch_1'),
    columns: { status: 'succeeded', amount: 12_500, amount_refunded: 300 },
    order: [2, startSeconds * 1_000_000 + Math.floor((300 / 12_500) * 999_999)],
    events: [
      ['charge.refunded', { ...charge, amount_refunded: 900 }, { ms: -1000 }, 'late'],
      ['charge.updated', { ...charge, amount_refunded: 299 }, {}, 'late'],
      ['charge.refunded', { ...charge, amount_refunded: 301 }, {}, 'moves'],
      ['charge.refunded', { ...charge, amount_refunded: 500 }, { ms: 1000 }, 'moves'],
    ],
  },
  {
    provider: 'stripe',
    row: row('refund', 're_1'),
    columns: { status: 'pending', counts: true, amount: 300 },
    order: [0, startSeconds],
    events: [
      ['refund.created', { id: 're_1', amount: 200 }, { ms: -1000 }, 'late'],
      ['refund.created', { id: 're_1', status: 'pending', amount: 200 }, {}, 'late'],
      ['refund.updated', { id: 're_1', status: 'pending', amount: 300 }, {}, 'moves'],
      ['refund.failed', { id: 're_1', amount: 300 }, { ms: 1000 }, 'moves'],
    ],
  },
  {
    provider: 'square',
    row: row('payment', 'pay_1'),
    columns: { status: 'COMPLETED', amount: 12_500, own_paid_at: new Date(startMs).toISOString() },
    order: [startMicros, 1],
    events: [
      ['payment.updated', { id: 'pay_1', status: 'APPROVED' }, { ms: -1 }, 'late'],
      ['payment.updated', { id: 'pay_1', status: 'APPROVED' }, {}, 'late'],
      ['payment.updated', { id: 'pay_1', refunded_money: usd(300) }, {}, 'moves'],
      ['payment.updated', { id: 'pay_1', refunded_money: usd(500) }, { ms: 1 }, 'moves'],
    ],
  },
  {
    provider: 'square',
    row: row('invoice', 'inv_1'),
    columns: { status: 'UNPAID', amount_due: 12_500, amount_paid: 0 },
    order: [2, 0],
    events: [
      ['invoice.created', { id: 'inv_1', version: 0 }, { ms: 9000 }, 'late'],
      ['invoice.published', { id: 'inv_1', version: 1 }, { ms: 9000 }, 'late'],
      ['invoice.payment_made', { id: 'inv_1', version: 3 }, {}, 'moves'],
    ],
  },
  {
    provider: 'square',
    row: row('refund', 'r_1'),
    columns: { status: 'COMPLETED', counts: true, amount: 300 },
    order: [0, startMicros * 2 + 1],
    events: [
      ['refund.updated', { id: 'r_1', version: undefined, status: 'PENDING' }, { ms: -1 }, 'late'],
      ['refund.updated', { id: 'r_1', version: undefined, status: 'PENDING' }, {}, 'late'],
      ['refund.updated', { id: 'r_1', version: undefined, status: 'FAILED' }, { ms: 1 }, 'moves'],
      ['refund.updated', { id: 'r_1', version: 1 }, { ms: -1 }, 'moves'],
    ],
  },
  {
    provider: 'docusign',
    row: row('envelope', 'env_1'),
    columns: { status: 'delivered' },
    order: [5, startMs],
    events: [
      ['envelope-sent', { id: 'env_1' }, { ms: -1000 }, 'late'],
      ['envelope-delivered', { id: 'env_1', envelopeSummary: undefined }, { ms: -1 }, 'late'],
      ['envelope-delivered', { id: 'env_1' }, { ms: 1000 }, 'moves'],
      ['envelope-sent', sent, { ms: 2000 }, 'moves'],
      ['envelope-completed', { id: 'env_1' }, { ms: -2000 }, 'moves'],
    ],
  },
  {
    provider: 'twilio',
    row: row('message', SM),
    columns: { status: 'sent' },
    order: [3, 0],
    events: [
      ['status:queued', { id: SM }, {}, 'late'],
      ['status:delivered', { id: SM }, {}, 'moves'],
    ],
  },
  {
    provider: 'twilio',
    row: row('conversation', '+12015550100|+12015550123'),
    columns: {
      opted_out: true,
      opt_out_order_major: startMs,
      opt_out_order_minor: 0,
      opt_out_order_event: 'x',
    },
    order: [-1, 0],
    events: [], // see below
  },
  {
    provider: 'stripe',
    row: row('invoice', 'in_stub'),
    order: [-1, 0],
    events: [['invoice.created', { id: 'in_stub' }, { ms: -9_000_000 }, 'moves']],
  },
];

const server = await startPostgres({ fsync: false });
t.teardown(() => server.stop());

t.test("rows of the earlier guard keep their order among their object's events", async (t) => {
  const { asOwner, asRoot, root } = await openEarlierDatabase(t, server, guard);
  const one = async (text: string, values: unknown[] = []) => (await root.query(text, values)).rows[0];

  const firms: { id: string; endpoints: Record<string, TestEndpoint> }[] = [];
  for (const slug of ['a', 'b']) {
    const { id } = await one('INSERT INTO firms (slug, name) VALUES ($1, $1) RETURNING id', [slug]);
    const endpoints: Record<string, TestEndpoint> = {};
    for (const provider of ['stripe', 'square', 'docusign', 'twilio']) {
      const made = await one(
        'INSERT INTO webhook_endpoints (id, firm_id, provider, key) VALUES (gen_random_uuid(), $1, $2, $3) RETURNING id',
        [id, provider, `${slug}-${provider}`],
      );
      endpoints[provider] = {
        ...made,
        key: '',
        firmId: id,
        secret: '',
        provider: providerNamed(provider) as Provider,
      };
    }
    firms.push({ id, endpoints });
    for (const { provider, row, columns = {}, order } of cases) {
      const { table, key } = tables[row.entity];
      const values: Record<string, unknown> = {
        id: entityId(id, provider, row),
        firm_id: id,
        provider,
        ...Object.fromEntries(Object.entries(key).map(([column, of]) => [column, of(row.externalId)])),
        ...columns,
        order_major: order[0],
        order_minor: order[1],
        order_event: order[0] < 0 ? '' : 'zzz',
      };
      const names = Object.keys(values);
      await root.query(
        `INSERT INTO ${table} (${names}) VALUES (${names.map((_, i) => `$${i + 1}`)})`,
        Object.values(values),
      );
    }
  }

  // As an operator does; this also creates the apps' roles.
  await migrate({ databaseUrl: asOwner.href, passwords: testPasswords });
  const { count } = await one(
    `SELECT count(*)::int FROM pg_class WHERE relname = ANY ($1) AND NOT (relrowsecurity AND relforcerowsecurity)`,
    [Object.values(tables).map(({ table }) => table)],
  );
  t.equal(count, 0, 'row-level security is forced again');

  const run = openApplier(t, { database: { url: asRoot.href } } as Harness);
  for (const [number, firm] of firms.entries()) {
    for (const { provider, row, events } of cases)
      for (const [i, [type, overrides, { ms = 0 }, fate]] of events.entries()) {
        const times = { nowMs: startMs + ms, receivedAtMs: Date.now() + i * 1000 };
        const { event, body } = buildEvent(provider, type, overrides, times);
        await run(firm.endpoints[provider] as TestEndpoint, [{ event, body }], { mark: `~${number}` });
        const { table } = tables[row.entity];
        const { order_event } = await one(`SELECT order_event FROM ${table} WHERE id = $1`, [
          entityId(firm.id, provider, row),
        ]);
        const moved = order_event === `${event.eventId}~${number}`;
        t.equal(moved ? 'moves' : 'late', fate, `${provider} ${row.externalId}: ${i} ${type}`);
      }
    const optedOut = () =>
      one('SELECT opted_out FROM sms_conversations WHERE firm_id = $1', [firm.id]).then(
        (found) => found.opted_out,
      );
    for (const [sid, receivedAtMs, due] of [
      ['1', startMs - 1, true],
      ['2', startMs + 1, false],
    ] as const) {
      const start = buildEvent('twilio', 'inbound', inbound(sid, 'START'), { receivedAtMs });
      await run(firm.endpoints.twilio as TestEndpoint, [start], { mark: `~${number}` });
      t.equal(await optedOut(), due, 'what was received last');
    }
    t.match(
      await one('SELECT status, own_paid_at FROM finance_payments WHERE firm_id = $1 AND external_id = $2', [
        firm.id,
        'pay_1',
      ]),
      { status: 'COMPLETED', own_paid_at: new Date(startMs) },
    );
    t.match(await one('SELECT status FROM esignature_envelopes WHERE firm_id = $1', [firm.id]), {
      status: 'completed',
    });
  }
});
