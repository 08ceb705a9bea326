import type { ApplyItem, Provider, WebhookEvent } from '@semel/core';
import { acceptStore, openPool } from '@semel/database';
import pg from 'pg';
import t from 'tap';
import { openWorkerPool, portsOf } from '../support/apply-directly.js';
import { toEvent } from '../support/create-event.js';
import { forget } from '../support/forget.js';
import {
  changingProviders,
  type Harness,
  mainTypeOf,
  startHarness,
  type TestEndpoint,
} from '../support/harness.js';
import { planAndApply } from '../support/plan-and-apply.js';
import { type PreparedEvent, prepare } from '../support/prepare.js';
import { testPasswords, waitUntil } from '../support/servers.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

t.jobs = 3; // each has its own servers, and mostly waits

t.test('the ledger stops duplicates that Redis does not know', async (t) => {
  const harness = await startHarness(t, { receivers: 1, workers: 2 });
  const firm = await harness.addFirm();
  const sent: PreparedEvent[] = [];
  for (const provider of changingProviders) {
    const endpoint = await harness.addEndpoint(provider.name, firm);
    for (let i = 0; i < 5; i++) sent.push(prepare(harness, endpoint));
  }
  const sendAll = () =>
    Promise.all(sent.map(({ endpoint, type, body }) => harness.send(endpoint, type, { body })));
  for (const { outcome } of await sendAll()) t.equal(outcome, 'accepted');
  for (const { provider, eventId } of sent) await harness.applied(provider, eventId);
  const before = await harness.sql('SELECT * FROM domain_changes ORDER BY id');

  for (const { provider, eventId } of sent) await forget(harness, provider, eventId);
  for (const { outcome } of await sendAll()) t.equal(outcome, 'accepted', 'Redis has forgotten all');
  for (const provider of changingProviders) {
    await waitUntil(
      async () =>
        (await harness.metric(`webhook_duplicate_total{provider="${provider.name}",layer="ledger"}`)) >= 5,
      { what: `the ledger knows all of ${provider.name}` },
    );
    t.equal(await harness.metric(`webhook_duplicate_total{provider="${provider.name}",layer="ledger"}`), 5);
    t.equal(await harness.metric(`${provider.name}_webhook_duplicate`), 5, 'each counted once');
  }
  t.same(await harness.sql('SELECT * FROM domain_changes ORDER BY id'), before, 'nothing changed');
  for (const { provider, eventId } of sent) {
    t.same(await harness.outcomesOf(eventId), ['applied']);
    await waitUntil(async () => (await harness.applied(provider, eventId)).duplicate_count === '1', {
      what: 'the ledger row counts its duplicate',
    });
  }
  for (const { outcome } of await sendAll()) t.equal(outcome, 'duplicate', 'and Redis knows them again');
});

/** A harness whose apps reach Postgres through a proxy. */
async function behindProxy(t: Tap, options: Parameters<typeof startHarness>[1] = {}) {
  let proxy: TcpProxy | undefined;
  const harness = await startHarness(t, {
    ...options,
    databaseUrl: async (own) => {
      proxy = await startTcpProxy({ port: Number(new URL(own).port) });
      return proxy.through(own);
    },
  });
  t.teardown(() => proxy?.stop());
  return { harness, proxy: proxy as TcpProxy };
}
type Tap = { teardown(end: () => unknown): void };

t.test('a COMMIT whose answer is lost counts as committed', async (t) => {
  const { harness, proxy } = await behindProxy(t, { attempts: 1 });
  const firm = await harness.addFirm();
  for (const provider of changingProviders) {
    const endpoint = await harness.addEndpoint(provider.name, firm);
    const prepared = prepare(harness, endpoint);
    const cut = cutAfterCommit(proxy, provider.ledger.table);
    await harness.send(endpoint, prepared.type, prepared);
    await waitUntil(() => cut.done, { what: `${provider.name}: the answer to a COMMIT is lost` });
    const row = await harness.applied(provider, prepared.eventId);
    t.equal(row.attempts, 1);
    await waitUntil(
      async () =>
        (await harness.metric(`webhook_applied_total{provider="${provider.name}",outcome="duplicate"}`)) ===
        1,
      { what: 'the job has run again' },
    );
    t.same(await harness.outcomesOf(prepared.eventId), ['applied'], 'one final row');
    const changes = await harness.changesOf(prepared.eventId);
    t.equal(new Set(changes.map(({ entity_id }) => entity_id)).size, changes.length, 'one change per object');
    t.match(await harness.applied(provider, prepared.eventId), { last_error: null, attempts: 1 });
  }
  t.notOk(
    harness.logs.some(({ msg }) => msg === 'event.applyFailed'),
    'nothing was called a failure',
  );
});

/** Loses the answer to the first COMMIT of a transaction that wrote to this table. */
function cutAfterCommit(proxy: TcpProxy, table: string) {
  const state = { done: false };
  const wrote = new Set<number>();
  proxy.judge = (sql, connection) => {
    if (sql.includes(`INSERT INTO ${table}`)) wrote.add(connection);
    if (state.done || sql !== 'COMMIT' || !wrote.has(connection)) return 'pass';
    state.done = true;
    return 'cut after';
  };
  return state;
}

t.test('a group whose COMMIT answer is lost is applied once, event by event', async (t) => {
  const { harness, proxy } = await behindProxy(t, { attempts: 1, workers: 0 });
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('stripe', firm);
  const sent = Array.from({ length: 20 }, () => prepare(harness, endpoint));
  for (const { type, body } of sent) await harness.send(endpoint, type, { body });
  const cut = cutAfterCommit(proxy, endpoint.provider.ledger.table);
  await harness.startWorker();
  for (const { eventId } of sent) await harness.applied(endpoint.provider, eventId);
  t.ok(cut.done);
  await waitUntil(
    async () => (await harness.redis.zcard('{semel:stripe}:stripe:completed')) === sent.length,
    {
      what: 'all jobs are over',
    },
  );
  for (const { eventId } of sent) t.same(await harness.outcomesOf(eventId), ['applied']);
});

t.test('domain, ledger and attempts change together or not at all', async (t) => {
  const { harness, proxy } = await behindProxy(t, { receivers: 0, workers: 0 });
  const firm = await harness.addFirm();
  const pool = openPool({
    databaseUrl: proxy.through(harness.database.url),
    passwords: testPasswords,
    role: 'worker',
    max: 2,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 5_000,
  });
  t.teardown(() => pool.end());
  const killer = new pg.Client({ connectionString: harness.database.url });
  await killer.connect();
  t.teardown(() => killer.end());

  for (const provider of changingProviders)
    await t.test(provider.name, async (t) => {
      const endpoint = await harness.addEndpoint(provider.name, firm);
      const ports = portsOf(pool, provider);
      /** Applies one new event while `judge` intercepts its transaction's statements; returns the resulting rows. */
      const attempt = async (judge: (n: number, sql: string) => 'pass' | 'cut' | 'cut after') => {
        const prepared = prepare(harness, endpoint);
        const statements: string[] = [];
        proxy.judge = (sql) => {
          if (statements.length === 0 && !sql.startsWith('BEGIN')) return 'pass';
          statements.push(sql);
          return judge(statements.length, sql);
        };
        const item = { event: toEvent(endpoint, prepared), attempt: 1, lastAttempt: true };
        const result = await planAndApply(ports, [item]).catch((error: { code?: string }) => error.code);
        proxy.judge = null;
        return { result, statements, item, left: await whatIsLeft(harness, provider, prepared.eventId) };
      };

      await attempt(() => 'pass'); // creates shared rows, such as a conversation
      const whole = await attempt(() => 'pass');
      t.match(whole.result, [{ outcome: 'applied' }]);
      t.same({ ledger: whole.left.ledger, attempts: whole.left.attempts }, { ledger: 1, attempts: 1 });
      t.ok(whole.left.changes > 0 && whole.left.objects > 0);
      const count = whole.statements.length;
      t.equal(whole.statements.at(-1), 'COMMIT');

      for (let n = 1; n <= count; n++)
        for (const verdict of ['cut', 'cut after'] as const) {
          const isCommitted = n === count && verdict === 'cut after';
          const what = `${verdict} ${n} of ${count}: ${whole.statements[n - 1]?.trim().slice(0, 30)}`;
          const { result, item, left } = await attempt((at) => (at === n ? verdict : 'pass'));
          t.equal(result, 'store_unavailable', `${what}: nothing is decided`);
          t.same(left, isCommitted ? whole.left : nothing, isCommitted ? `${what}: all` : `${what}: nothing`);
          const again = await planAndApply(ports, [item]);
          t.match(again, [{ outcome: isCommitted ? 'duplicate' : 'applied' }]);
          t.same(
            await whatIsLeft(harness, provider, item.event.eventId),
            whole.left,
            `${what}: then all of it`,
          );
        }

      const backend = pids(harness);
      for (let n = 2; n <= count; n++) {
        const { result, item, left } = await attempt((at) => {
          if (at === n) backend.terminate();
          return 'pass';
        });
        await backend.idle();
        const after = await whatIsLeft(harness, provider, item.event.eventId);
        // A terminated backend may still have run the COMMIT; then everything is there.
        const expected = Array.isArray(result) ? whole.left : after.ledger === 1 ? whole.left : nothing;
        t.same(after, expected, `terminated at ${n}: all or nothing`);
        t.ok(left);
        await planAndApply(ports, [item]);
        t.same(await whatIsLeft(harness, provider, item.event.eventId), whole.left);
      }
    });

  function pids(harness: Harness) {
    let running: Promise<unknown> = Promise.resolve();
    return {
      terminate() {
        running = harness.sql(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'semel_worker' AND datname = current_database()",
        );
      },
      idle: () => running,
    };
  }
});

const nothing = { ledger: 0, attempts: 0, changes: 0, objects: 0 };

async function whatIsLeft(harness: Harness, provider: Provider, eventId: string) {
  const count = async (table: string, where: string, value: string) =>
    Number(
      (await harness.sql<{ n: string }>(`SELECT count(*) AS n FROM ${table} WHERE ${where} = $1`, [value]))[0]
        ?.n,
    );
  let objects = 0;
  for (const table of domainTables) objects += await count(table, 'order_event', eventId);
  return {
    ledger: await count(provider.ledger.table, 'idempotency_key', `${provider.name}:${eventId}`),
    attempts: await count('webhook_attempts', 'event_id', eventId),
    changes: await count('domain_changes', 'event_id', eventId),
    objects,
  };
}

const domainTables = [
  'finance_invoices',
  'finance_payments',
  'finance_charges',
  'finance_refunds',
  'finance_disputes',
  'finance_invoice_payments',
  'finance_checkout_sessions',
  'esignature_envelopes',
  'esignature_recipients',
  'sms_messages',
];

/** The worker's path without a queue. */
function directly(t: Tap, harness: Harness) {
  const pool = openWorkerPool(harness);
  t.teardown(() => pool.end());
  const item = (event: WebhookEvent, extra: Partial<ApplyItem> = {}): ApplyItem => ({
    event,
    attempt: 1,
    lastAttempt: false,
    ...extra,
  });
  return {
    pool,
    item,
    run: (provider: Provider, events: readonly WebhookEvent[]) =>
      planAndApply(
        portsOf(pool, provider),
        events.map((event) => item(event)),
      ),
  };
}

t.test('an event that changes nothing is recorded as stale or ignored', async (t) => {
  const harness = await startHarness(t, { receivers: 0, workers: 0 });
  const firm = await harness.addFirm();
  const { run } = directly(t, harness);
  const late: Record<string, [first: string, late: string]> = {
    stripe: ['invoice.paid', 'invoice.finalized'],
    square: ['invoice.payment_made', 'invoice.published'],
    docusign: ['envelope-completed', 'envelope-sent'],
    twilio: ['status:delivered', 'status:sent'],
  };
  for (const provider of changingProviders) {
    const endpoint = await harness.addEndpoint(provider.name, firm);
    const id = objectIdOf(provider);
    const [firstType, lateType] = late[provider.name] as [string, string];
    const first = prepare(harness, endpoint, { type: firstType, overrides: { id } });
    const stale = prepare(harness, endpoint, { type: lateType, overrides: { id } });
    t.match(await run(provider, [toEvent(endpoint, first)]), [{ outcome: 'applied' }]);
    const rows = await domainRows(harness);
    t.match(
      await run(provider, [toEvent(endpoint, stale)]),
      [{ outcome: 'stale' }],
      `${provider.name}: stale`,
    );
    t.same(await domainRows(harness), rows, 'it changes nothing');
    t.same(await harness.changesOf(stale.eventId), []);
    t.same(await harness.outcomesOf(stale.eventId), ['stale']);
    const row = await harness.applied(provider, stale.eventId, 'stale');
    t.same(row.event_raw, stale.body);
    t.ok(mainTypeOf(provider).links.some((link) => row[link]) || row.invoice_id, 'still linked');
    t.match(await run(provider, [toEvent(endpoint, stale)]), [{ outcome: 'duplicate' }], 'and final');

    const off = { ...toEvent(endpoint, prepare(harness, endpoint)), ignored: 'mode_mismatch' };
    t.match(await run(provider, [off]), [{ outcome: 'ignored' }]);
    t.match(await harness.applied(provider, off.eventId, 'ignored'), { ignored_reason: 'mode_mismatch' });
    t.same(await harness.outcomesOf(off.eventId), ['ignored']);
    t.same(await domainRows(harness), rows);
    t.match(await run(provider, [off]), [{ outcome: 'duplicate' }]);
  }
  const endpoint = await harness.addEndpoint('stripe', firm);
  const unknown = prepare(harness, endpoint, { type: 'customer.created' });
  t.match(await run(endpoint.provider, [toEvent(endpoint, unknown)]), [{ outcome: 'ignored' }]);
  t.match(await harness.applied(endpoint.provider, unknown.eventId, 'ignored'), {
    ignored_reason: 'type_not_handled',
  });
});

let objects = 0;
const hex = (length: number) => (objects++).toString(16).padStart(length, '0');
const objectIdOf = (provider: Provider) =>
  provider.name === 'twilio' ? `SM${hex(32)}` : `${provider.name}-object-${hex(6)}`;

async function domainRows(harness: Harness) {
  const rows: unknown[] = [];
  for (const table of [...domainTables, 'sms_conversations'])
    rows.push(...(await harness.sql(`SELECT * FROM ${table} ORDER BY id`)));
  return rows;
}

t.test('an event id that another firm already owns goes to quarantine', async (t) => {
  const harness = await startHarness(t);
  const [first, second] = [await harness.addFirm(), await harness.addFirm()];
  const { run } = directly(t, harness);
  for (const provider of changingProviders) {
    const theirs = await harness.addEndpoint(provider.name, first);
    const ours = await harness.addEndpoint(provider.name, second);
    const prepared = prepare(harness, theirs);
    t.match(await run(provider, [toEvent(theirs, prepared)]), [{ outcome: 'applied' }]);
    const before = await domainRows(harness);
    const row = await harness.applied(provider, prepared.eventId);

    t.equal(
      (await harness.send(ours, prepared.type, prepared)).outcome,
      'accepted',
      'Redis knows nothing of it',
    );
    const set = await waitUntil(
      async () =>
        (await harness.sql('SELECT * FROM webhook_quarantine WHERE event_id = $1', [prepared.eventId]))[0],
      { what: `${provider.name}: it is in quarantine` },
    );
    t.match(set, { firm_id: second, endpoint_id: ours.id, reason: 'owner_collision', resolved_at: null });
    t.same(set.event_raw, prepared.body);
    t.same(await harness.outcomesOf(prepared.eventId), ['applied'], 'no attempt of the other firm');
    t.same(await domainRows(harness), before);
    t.same(await harness.applied(provider, prepared.eventId), row);
    await waitUntil(
      async () =>
        (await harness.metric(`webhook_applied_total{provider="${provider.name}",outcome="quarantined"}`)) ===
        1,
      { what: 'counted as quarantined' },
    );
    t.ok(harness.logs.some((line) => line.msg === 'event.quarantined' && line.eventId === prepared.eventId));
    t.equal(await harness.metric(`${provider.name}_webhook_duplicate`), 0);

    const neighbour = prepare(harness, ours);
    const results = await run(provider, [toEvent(ours, prepared), toEvent(ours, neighbour)]);
    t.match(results, [{ outcome: 'quarantined' }, { outcome: 'applied' }], 'in one group with a neighbour');
    const mixed = await run(provider, [
      toEvent(theirs, prepare(harness, theirs)),
      toEvent(ours, prepared),
      toEvent(ours, prepare(harness, ours)),
    ]);
    t.match(
      mixed,
      [{ outcome: 'applied' }, { outcome: 'quarantined' }, { outcome: 'applied' }],
      'in one group with the other firm, whose rows the session can see',
    );
    const failing = {
      ...provider,
      changesOf: () => {
        throw new Error('no');
      },
    };
    const [result] = await run(failing, [toEvent(ours, prepared)]);
    t.match(result, { outcome: 'quarantined' }, 'and where it fails by itself');
    t.same(await harness.applied(provider, prepared.eventId), row, 'the first firm’s row is as it was');

    const again = await waitUntil(
      async () => {
        const sent = await harness.send(theirs, prepared.type, prepared);
        return sent.outcome === 'accepted' || sent.outcome === 'duplicate' ? sent : undefined;
      },
      { what: `${provider.name}: the first firm’s own redelivery is taken for what it is`, timeoutMs: 3_000 },
    ).catch((error: Error) => error);
    t.notOk(again instanceof Error, `${provider.name}: the true owner is not locked out`);
    t.equal(
      (
        await harness.sql('SELECT * FROM webhook_quarantine WHERE event_id = $1 AND firm_id = $2', [
          prepared.eventId,
          first,
        ])
      ).length,
      0,
      'an event that is applied can’t be released a second time',
    );
  }
});

t.test('a stored body', async (t) => {
  const harness = await startHarness(t, { receivers: 0, workers: 0 });
  const firm = await harness.addFirm();
  const { pool, run } = directly(t, harness);
  for (const provider of changingProviders)
    await t.test(provider.name, async (t) => {
      const endpoint = await harness.addEndpoint(provider.name, firm);
      const prepared = prepare(harness, endpoint);
      const stored: WebhookEvent = { ...toEvent(endpoint, prepared), body: { stored: true } };

      const [missing] = await run(provider, [stored]);
      t.match(missing, { outcome: 'failed', error: { code: 'body_missing' } });
      const [still] = await run(provider, [stored]);
      t.match(
        still,
        { outcome: 'failed', error: { code: 'body_missing' } },
        'nor is it taken for an empty one',
      );
      t.match(await harness.applied(provider, stored.eventId, 'failed'), {
        attempts: 2,
        last_error: /body_missing/,
      });
      t.same(await harness.outcomesOf(stored.eventId), ['failed', 'failed']);

      const keep = () =>
        acceptStore(pool, { spillAgainAfterMs: 0 })
          .storeBody(stored, prepared.body)
          .catch(async () => {
            // Only the receiver may write bodies.
            await harness.sql(
              'INSERT INTO webhook_bodies (firm_id, provider, event_id, body) VALUES ($1, $2, $3, $4)',
              [firm, provider.name, stored.eventId, prepared.body],
            );
          });
      await keep();
      t.match(await run(provider, [stored]), [{ outcome: 'applied' }], 'it is applied when the body is back');
      const row = await harness.applied(provider, stored.eventId);
      t.same(row.event_raw, prepared.body, 'and the ledger has the exact bytes');
      t.same(await harness.outcomesOf(stored.eventId), ['failed', 'failed', 'applied']);
      t.same(await harness.sql('SELECT * FROM webhook_bodies WHERE event_id = $1', [stored.eventId]), []);
    });

  await t.test('of a failing event stays until the event is applied', async (t) => {
    const endpoint = await harness.addEndpoint('docusign', firm);
    const { provider } = endpoint;
    const prepared = prepare(harness, endpoint);
    const stored: WebhookEvent = { ...toEvent(endpoint, prepared), body: { stored: true } };
    await harness.sql(
      'INSERT INTO webhook_bodies (firm_id, provider, event_id, body) VALUES ($1, $2, $3, $4)',
      [firm, provider.name, stored.eventId, prepared.body],
    );
    const failing = {
      ...provider,
      changesOf: () => {
        throw new Error('no');
      },
    };
    t.match(await run(failing, [stored]), [{ outcome: 'failed' }]);
    t.match(await harness.applied(provider, stored.eventId, 'failed'), { event_raw: prepared.body });
    await harness.sql('DELETE FROM webhook_bodies WHERE event_id = $1', [stored.eventId]);
    t.match(await run(provider, [stored]), [{ outcome: 'applied' }], 'the failed row has the bytes as well');
  });
});

t.test('a failing event in a group does not fail the others', async (t) => {
  const harness = await startHarness(t, { receivers: 0, workers: 0 });
  const firms = [await harness.addFirm(), await harness.addFirm()];
  const { run } = directly(t, harness);
  for (const provider of changingProviders) {
    const endpoints = await Promise.all(firms.map((firm) => harness.addEndpoint(provider.name, firm)));
    const events = Array.from({ length: 12 }, (_, i) => {
      const endpoint = endpoints[i % 2] as TestEndpoint;
      return toEvent(endpoint, prepare(harness, endpoint));
    });
    const bad = new Set([events[3]?.eventId, events[8]?.eventId]);
    const picky: Provider = {
      ...provider,
      changesOf: (event, body) => {
        if (bad.has(event.eventId)) throw new Error('poison');
        return provider.changesOf(event, body);
      },
    };
    const results = await run(picky, events);
    t.same(
      results.map(({ outcome }) => outcome),
      events.map(({ eventId }) => (bad.has(eventId) ? 'failed' : 'applied')),
      `${provider.name}: outcomes in the order of the events`,
    );
    for (const { eventId } of events)
      t.same(await harness.outcomesOf(eventId), [bad.has(eventId) ? 'failed' : 'applied']);
    for (const [i, { eventId }] of events.entries())
      t.equal(
        (await harness.sql('SELECT firm_id FROM webhook_attempts WHERE event_id = $1', [eventId]))[0]
          ?.firm_id,
        firms[i % 2],
      );
  }
});

t.test('of two concurrent transactions with the same key, one applies the event', async (t) => {
  const harness = await startHarness(t, { receivers: 0, workers: 0 });
  const firm = await harness.addFirm();
  const { run } = directly(t, harness);
  for (const provider of changingProviders) {
    const endpoint = await harness.addEndpoint(provider.name, firm);
    const events = Array.from({ length: 10 }, () => toEvent(endpoint, prepare(harness, endpoint)));
    const groups = Array.from({ length: 6 }, (_, i) => (i % 2 === 0 ? events : [...events].reverse()));
    const results = await Promise.all(groups.map((group) => run(provider, group)));
    const all = results.flat().map(({ outcome }) => outcome);
    t.equal(all.filter((outcome) => outcome === 'applied').length, events.length, provider.name);
    t.equal(all.filter((outcome) => outcome === 'duplicate').length, events.length * 5);
    for (const { eventId } of events) t.same(await harness.outcomesOf(eventId), ['applied']);
  }
});

t.test('a worker stops mid-event and another one finishes the event', async (t) => {
  const { harness, proxy } = await behindProxy(t, { workers: 0, concurrency: 8 });
  const firm = await harness.addFirm();
  const sent: { provider: Provider; eventId: string }[] = [];
  for (const provider of changingProviders) {
    const endpoint = await harness.addEndpoint(provider.name, firm);
    for (let i = 0; i < 30; i++) {
      const { type, body, eventId } = prepare(harness, endpoint);
      t.equal((await harness.send(endpoint, type, { body })).outcome, 'accepted');
      sent.push({ provider, eventId });
    }
  }
  proxy.delayMs = 20;
  const first = await harness.startWorker();
  await waitUntil(
    async () =>
      Number((await harness.sql<{ n: string }>('SELECT count(*) AS n FROM webhook_attempts'))[0]?.n) > 5,
    { what: 'the first is in the middle of its work' },
  );
  await first.close();
  proxy.delayMs = 0;
  await harness.startWorker();
  for (const { provider, eventId } of sent) {
    await harness.applied(provider, eventId);
    t.same(await harness.outcomesOf(eventId), ['applied']);
  }
});

t.test('two workers, five firms, three hundred events: each is applied once', async (t) => {
  const harness = await startHarness(t, { receivers: 2, workers: 2, concurrency: 16 });
  const firms = await Promise.all(Array.from({ length: 5 }, () => harness.addFirm()));
  const endpoints: TestEndpoint[] = [];
  for (const firm of firms)
    for (const provider of changingProviders) endpoints.push(await harness.addEndpoint(provider.name, firm));
  const sent = Array.from({ length: 300 }, (_, i) => {
    const endpoint = endpoints[i % endpoints.length] as TestEndpoint;
    return prepare(harness, endpoint);
  });
  for (let at = 0; at < sent.length; at += 50)
    await Promise.all(
      sent.slice(at, at + 50).map(async ({ endpoint, type, body }, i) => {
        const answer = await harness.send(endpoint, type, { body, receiver: i % 2 });
        if (answer.outcome !== 'accepted') t.equal(answer.outcome, 'accepted', answer.text);
      }),
    );
  await waitUntil(
    async () =>
      Number(
        (
          await harness.sql<{ n: string }>(
            "SELECT count(*) AS n FROM webhook_events WHERE outcome = 'applied'",
          )
        )[0]?.n,
      ) === 300,
    { what: 'all are applied', timeoutMs: 20_000 },
  );
  t.same(
    await harness.sql(
      'SELECT event_id, count(*)::int AS n FROM webhook_attempts GROUP BY 1 HAVING count(*) <> 1 OR min(outcome) <> $1',
      ['applied'],
    ),
    [],
  );
  t.same(
    await harness.sql(
      'SELECT event_id, entity_id, count(*)::int AS n FROM domain_changes GROUP BY 1, 2 HAVING count(*) <> 1',
    ),
    [],
  );
  for (const firm of firms) {
    const rows = await harness.sql<{ n: number }>(
      'SELECT count(*)::int AS n FROM webhook_attempts WHERE firm_id = $1',
      [firm],
    );
    t.equal(rows[0]?.n, 60, 'each firm has its own');
  }
});
