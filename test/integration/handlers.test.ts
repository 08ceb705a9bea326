import { setTimeout as sleep } from 'node:timers/promises';
import { type DefinedHandler, defineDelivery, defineHandler, type HandlerContext } from '@semel/handlers';
import { providers } from '@semel/providers';
import t from 'tap';
import { startApp } from '../support/apps.js';
import { type Harness, identityOf, mainTypeOf, startHarness, type TestEndpoint } from '../support/harness.js';
import { prepare } from '../support/prepare.js';
import { testEncryptionKey, testPasswordEnv, waitUntil } from '../support/servers.js';

// A handler runs once with its event, is rolled back with it, and affects no other event.

type Run = (context: HandlerContext) => Promise<void> | void;

/** A team's own table, with the same row-level security. */
const notes = `
  CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY, firm_id uuid NOT NULL, text text NOT NULL);
  ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
  ALTER TABLE notes FORCE ROW LEVEL SECURITY;
  CREATE POLICY firm_wall ON notes USING (firm_id = ANY ((SELECT NULLIF(current_setting('semel.firm_ids', true), ''))::uuid[]));
  GRANT SELECT, INSERT ON notes TO semel_worker;`;

async function startNotesHarness(
  t: Tap,
  handlers: DefinedHandler[],
  options: Parameters<typeof startHarness>[1] = {},
) {
  const harness = await startHarness(t, { attempts: 3, ...options, handlers: { handlers, deliveries: [] } });
  await harness.sql(notes);
  return harness;
}
type Tap = Parameters<typeof startHarness>[0];

const note = ({ tx, firm }: HandlerContext, text: string) =>
  tx.query('INSERT INTO notes (firm_id, text) VALUES ($1, $2)', [firm.id, text]);
const notesOf = async (harness: Harness, text: string) =>
  (await harness.sql('SELECT * FROM notes WHERE text = $1', [text])).length;

t.test('a handler runs exactly once with its event', async (t) => {
  const seen: HandlerContext[] = [];
  const handlers = providers.map(({ name }) =>
    defineHandler(name, '*', async (context) => {
      seen.push(context as HandlerContext);
      await note(context as HandlerContext, context.facts.eventId);
    }),
  );
  const harness = await startNotesHarness(t, handlers, { receivers: 2, workers: 2 });
  const firm = await harness.addFirm();

  for (const provider of providers)
    await t.test(`${provider.name}: under duplicates, at the same time and later`, async (t) => {
      const endpoint = await harness.addEndpoint(provider.name, firm);
      const { type, outcome } = mainTypeOf(provider);
      const { body, channel } = harness.buildBody(endpoint, type);
      const { eventId } = identityOf(provider, body, channel, endpoint);
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => harness.send(endpoint, type, { body, receiver: i % 2 })),
      );
      await harness.applied(provider, eventId);
      for (let i = 0; i < 3; i++)
        t.equal((await harness.send(endpoint, type, { body, receiver: 0 })).status, 200);
      await harness.redis.flushall(); // claim and job are lost: the ledger alone decides
      await harness.send(endpoint, type, { body, receiver: 1 });
      await waitUntil(
        () =>
          harness.logs.some(
            ({ msg }) => msg === `Duplicate ${provider.name} webhook event received: ${eventId}`,
          ),
        { what: 'the redelivery was judged' },
      );
      t.equal(await notesOf(harness, eventId), 1);
      t.same(await harness.outcomesOf(eventId), [outcome]);
      const context = seen.find(({ facts }) => facts.eventId === eventId) as HandlerContext;
      t.equal(context.firm.id, firm);
      t.match(context.facts, { provider: provider.name, eventId, outcome, receivedAt: Date });
      t.same(context.event, JSON.parse(provider.toJson(body) as string));
      t.equal(context.changed.length > 0, outcome === 'applied');
    });
});

t.test("a handler's arguments", async (t) => {
  const seen = new Map<string, HandlerContext>();
  const remember: Run = (context) =>
    void seen.set(`${context.facts.eventId} ${context.facts.outcome}`, context);
  const harness = await startNotesHarness(t, [
    defineHandler('stripe', 'invoice.paid', async (context) => {
      // Typed by Stripe's own types: this file would not compile otherwise.
      const cents: number = context.event.data.object.amount_paid;
      await note(context as unknown as HandlerContext, `paid ${cents}`);
    }),
    defineHandler('stripe', 'invoice.*', remember as never),
    defineHandler('stripe', 'customer.created', remember as never),
    defineHandler('stripe', 'customer.updated', remember as never, { when: 'always' }),
    defineHandler(
      'stripe',
      'invoice.finalized',
      async (context) =>
        void (await note(context as unknown as HandlerContext, `changed ${context.facts.eventId}`)),
      { when: 'changed' },
    ),
  ]);
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('stripe', firm);

  await t.test('the rows that its event changed, before and after', async (t) => {
    const id = 'in_beforeandafter';
    const first = await harness.send(endpoint, 'invoice.finalized', { overrides: { id } });
    await harness.applied(endpoint.provider, first.eventId);
    const second = await harness.send(endpoint, 'invoice.paid', { overrides: { id } });
    await harness.applied(endpoint.provider, second.eventId);
    t.equal(seen.get(`${first.eventId} applied`)?.changed[0]?.before, null);
    t.match(seen.get(`${second.eventId} applied`)?.changed, [
      {
        entity: 'invoice',
        externalId: id,
        before: { external_id: id, status: 'open', amount_paid: 0 },
        after: { external_id: id, status: 'paid', amount_paid: 12_500 },
      },
    ]);
    t.equal(await notesOf(harness, 'paid 12500'), 1);

    const late = await harness.send(endpoint, 'invoice.finalized', {
      overrides: { id, $event: { created: 1_700_000_000 } },
    });
    await harness.applied(endpoint.provider, late.eventId, 'stale');
    t.match(seen.get(`${late.eventId} stale`), { changed: [], facts: { outcome: 'stale' } });
    t.equal(
      seen.get(`${late.eventId} stale`)?.changed.length,
      0,
      'one that came too late has changed nothing',
    );
    t.equal(await notesOf(harness, `changed ${first.eventId}`), 1);
    t.equal(await notesOf(harness, `changed ${late.eventId}`), 0, 'and is not for those who ask for changes');
    t.match(
      harness.logs.find(({ msg, eventId }) => msg === 'handler.skipped' && eventId === late.eventId),
      { handler: 'stripe invoice.finalized', outcome: 'stale' },
      'and the log says so',
    );
  });

  const sendAs = (to: TestEndpoint, type: string, overrides: Record<string, unknown> = {}) =>
    harness.send(to, 'invoice.paid', { overrides: { ...overrides, $event: { type } } });

  await t.test('events of types without a rule', async (t) => {
    const { eventId } = await sendAs(endpoint, 'customer.created');
    await harness.applied(endpoint.provider, eventId, 'ignored');
    t.same(seen.get(`${eventId} ignored`)?.changed, []);
    t.notOk(harness.logs.some(({ msg, eventId: of }) => msg === 'handler.skipped' && of === eventId));
  });

  await t.test('events that are not about an object', async (t) => {
    const { eventId } = await sendAs(endpoint, 'invoice.upcoming', { id: undefined });
    await harness.applied(endpoint.provider, eventId, 'ignored');
    t.same(seen.get(`${eventId} ignored`)?.changed, []);
  });

  await t.test('events of the other mode, only on request', async (t) => {
    const live = await harness.addEndpoint('stripe', firm, { mode: 'live' });
    const skipped = await sendAs(live, 'customer.created', { id: 'in_1' });
    await harness.applied(endpoint.provider, skipped.eventId, 'ignored');
    t.notOk(seen.has(`${skipped.eventId} ignored`));
    t.match(
      harness.logs.find(({ msg, eventId }) => msg === 'handler.skipped' && eventId === skipped.eventId),
      { handler: 'stripe customer.created', ignored: 'mode_mismatch' },
      'and the log says so',
    );
    const { eventId } = await sendAs(live, 'customer.updated');
    await harness.applied(endpoint.provider, eventId, 'ignored');
    t.match(seen.get(`${eventId} ignored`)?.changed, []);
  });
});

t.test('an event whose handler throws', async (t) => {
  const failing = new Map<string, number>();
  const runs = new Map<string, number>();
  const harness = await startNotesHarness(t, [
    defineHandler('stripe', 'invoice.paid', async (context) => {
      const { eventId } = context.facts;
      runs.set(eventId, (runs.get(eventId) ?? 0) + 1);
      await note(context as unknown as HandlerContext, eventId);
      await context.outbox({ key: eventId, to: 'nowhere', payload: {} });
      const left = failing.get(eventId) ?? 0;
      failing.set(eventId, left - 1);
      if (left > 0) throw new Error('no luck: Connection timeout');
    }),
  ]);
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('stripe', firm);
  const effectsOf = async (eventId: string) =>
    (await harness.sql('SELECT * FROM webhook_outbox WHERE event_id = $1', [eventId])).length;

  await t.test('is retried, and its failed attempts leave nothing behind', async (t) => {
    const { body, eventId } = prepare(harness, endpoint);
    failing.set(eventId, 2);
    await harness.send(endpoint, 'invoice.paid', { body });
    await harness.applied(endpoint.provider, eventId);
    t.same(await harness.outcomesOf(eventId), ['failed', 'failed', 'applied']);
    t.match((await harness.attemptsOf(eventId))[0]?.error, /handler_failed: stripe invoice.paid: no luck/);
    t.equal(await notesOf(harness, eventId), 1);
    t.equal(await effectsOf(eventId), 1);
    t.equal(runs.get(eventId), 3);
    t.notOk(
      harness.logs.some(({ msg }) => msg === 'worker.paused'),
      'it is no fault of a store',
    );
  });

  await t.test('is dead in the end, and applied once after the handler is fixed', async (t) => {
    const { body, eventId } = prepare(harness, endpoint);
    failing.set(eventId, 1_000);
    await harness.send(endpoint, 'invoice.paid', { body });
    await harness.applied(endpoint.provider, eventId, 'dead');
    t.equal(await notesOf(harness, eventId), 0);
    t.equal(await effectsOf(eventId), 0);
    t.same(await harness.sql('SELECT * FROM domain_changes WHERE event_id = $1', [eventId]), []);
    failing.delete(eventId);
    await waitUntil(
      async () => (await harness.send(endpoint, 'invoice.paid', { body })).outcome === 'revived',
      {
        what: 'it comes to life',
      },
    );
    await harness.applied(endpoint.provider, eventId);
    t.same(await harness.outcomesOf(eventId), ['failed', 'failed', 'dead', 'applied']);
    t.equal(await notesOf(harness, eventId), 1);
    t.equal(await effectsOf(eventId), 1);
  });
});

t.test("a handler that loses a race runs again; a handler's own error counts as an attempt", async (t) => {
  const ways: Record<string, Run> = {
    'is there already': async (context) => void (await note(context, 'there')),
    'is there already, and looks away': async (context) =>
      void (await note(context, 'there').catch(() => undefined)),
    'is there already, which shows at the end': async ({ tx, firm }) =>
      void (await tx.query('INSERT INTO notes (firm_id, text, late) VALUES ($1, $2, 1)', [firm.id, 'b'])),
    'meets a deadlock': async ({ tx }) => {
      if (runs.get('meets a deadlock') === 1)
        await tx.query(`DO $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = '40P01'; END $$`);
    },
  };
  const runs = new Map<string, number>();
  const harness = await startNotesHarness(
    t,
    [
      defineHandler('stripe', 'invoice.paid', async (context) => {
        const number = context.event.data.object.number ?? '';
        runs.set(number, (runs.get(number) ?? 0) + 1);
        await ways[number]?.(context as unknown as HandlerContext);
      }),
    ],
    { attempts: 1 },
  );
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('stripe', firm);
  await harness.sql(`ALTER TABLE notes ADD UNIQUE (firm_id, text), ADD late integer,
    ADD UNIQUE (firm_id, late) DEFERRABLE INITIALLY DEFERRED`);
  await harness.sql('INSERT INTO notes (firm_id, text, late) VALUES ($1, $2, 1)', [firm, 'there']);
  for (const [number, outcome, times] of [
    ['is there already', 'dead', 1],
    ['is there already, and looks away', 'dead', 1],
    ['is there already, which shows at the end', 'dead', 1],
    ['meets a deadlock', 'applied', 2],
  ] as const) {
    const { body, eventId } = prepare(harness, endpoint, { overrides: { number } });
    await harness.send(endpoint, 'invoice.paid', { body });
    await harness.applied(endpoint.provider, eventId, outcome);
    t.same(await harness.outcomesOf(eventId), [outcome], number);
    t.equal(runs.get(number), times, `${number}: run ${times} times in its one attempt`);
  }
});

t.test('a handler that misuses its transaction costs only its own event an attempt', async (t) => {
  const ways: Record<string, Run> = {
    'is too slow': () => sleep(60_000),
    'goes on when its time is up': async (context) => {
      await sleep(700);
      await note(context, context.facts.eventId).catch(() => undefined);
    },
    'sends a statement that is too slow': async ({ tx }) => void (await tx.query('SELECT pg_sleep(60)')),
    'waits for a lock': async ({ tx }) => void (await tx.query('SELECT pg_advisory_xact_lock(7)')),
    'names a table that is not there': async ({ tx }) => void (await tx.query('SELECT * FROM no_such_table')),
    'names a column that is not there': async ({ tx }) => void (await tx.query('SELECT no_such FROM notes')),
    'lacks a right': async ({ tx }) => void (await tx.query('DELETE FROM notes')),
    'reads what is not for it': async ({ tx }) =>
      void (await tx.query('SELECT * FROM webhook_endpoint_secrets')),
    'swallows what the database said': async (context) => {
      await context.tx.query('SELECT 1 / 0').catch(() => undefined);
      await note(context, context.facts.eventId).catch(() => undefined);
    },
    'waits for nothing': (context) => {
      void note(context, context.facts.eventId);
      void context.tx.query('SELECT 1 / 0');
    },
    'throws a text': () => {
      throw 'just a text';
    },
    commits: async (context) => {
      await note(context, context.facts.eventId);
      await context.tx.query('COMMIT');
    },
    'commits behind comments': async ({ tx }) => void (await tx.query('/* a /* b */ */ -- c\n ;COMMIT')),
    'commits behind another statement': async ({ tx }) => void (await tx.query('SELECT 1; COMMIT')),
    'commits from inside': async ({ tx }) => void (await tx.query('DO $$ BEGIN COMMIT; END $$')),
    'rolls back': async ({ tx }) => void (await tx.query('ROLLBACK')),
    'becomes someone else': async ({ tx }) => void (await tx.query('SET ROLE semel_console')),
    'takes more time': async ({ tx }) => void (await tx.query("SET LOCAL statement_timeout = '1h'")),
    'becomes another firm': async ({ tx }) =>
      void (await tx.query(
        `SELECT set_config('semel.firm_ids', '{00000000-0000-4000-8000-000000000001}', true)`,
      )),
    'looks elsewhere': async ({ tx }) =>
      void (await tx.query(`SELECT set_config('search_path', 'pg_temp, public', true)`)),
    'writes for another firm': async ({ tx }) =>
      void (await tx.query(
        `INSERT INTO notes (firm_id, text) VALUES ('00000000-0000-4000-8000-000000000001', 'x')`,
      )),
    'writes an effect that JSON can not carry': async ({ outbox }) =>
      void (await outbox({ key: 'a', to: 'b', payload: { amount: 1n } })),
    'writes an effect without a name': async ({ outbox }) =>
      void (await outbox({ key: '', to: 'b', payload: {} })),
    'writes an effect that is too large': async ({ outbox }) =>
      void (await outbox({ key: 'a', to: 'b', payload: 'x'.repeat(256 * 1024 - 1) })),
    'writes an effect with a NUL': async ({ outbox }) =>
      void (await outbox({ key: 'a', to: 'b', payload: { text: 'a\0b' } })),
  };
  const harness = await startNotesHarness(
    t,
    [
      defineHandler('stripe', 'invoice.paid', async (context) => {
        const number = context.event.data.object.number ?? '';
        await ways[number]?.(context as unknown as HandlerContext);
      }),
    ],
    { attempts: 1, handlerTimeoutMs: 300 },
  );
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('stripe', firm);
  const [holder] = await harness.sql<{ pid: number }>('SELECT pg_advisory_lock(7), pg_backend_pid() AS pid');
  t.ok(holder?.pid);

  const sent: [string, string][] = [];
  const neighbours: string[] = [];
  for (const number of Object.keys(ways)) {
    const { body, eventId } = prepare(harness, endpoint, { overrides: { number } });
    await harness.send(endpoint, 'invoice.paid', { body });
    sent.push([number, eventId]);
    for (const [type, overrides] of [
      ['invoice.paid', { number: 'a good one' }],
      ['payment_intent.succeeded', {}],
    ] as const)
      neighbours.push((await harness.send(endpoint, type, { overrides })).eventId);
  }
  for (const [way, eventId] of sent) {
    const row = await harness.applied(endpoint.provider, eventId, 'dead');
    t.match(row, { attempts: 1 }, way);
    t.same(await harness.outcomesOf(eventId), ['dead'], way);
    t.equal(await notesOf(harness, eventId), 0, `${way}: nothing of it is left`);
    t.same(await harness.sql('SELECT * FROM domain_changes WHERE event_id = $1', [eventId]), [], way);
  }
  const errorOf = async (way: string) =>
    (await harness.attemptsOf(sent.find(([name]) => name === way)?.[1] as string))[0]?.error;
  t.match(await errorOf('is too slow'), /^handler_timeout: stripe invoice.paid: not done after 300 ms/);
  t.match(await errorOf('commits'), /^statement_refused: a handler can't use COMMIT/);
  t.match(await errorOf('becomes another firm'), /^statement_refused/);
  t.match(await errorOf('writes an effect without a name'), /^effect_invalid/);
  t.match(
    await errorOf('writes an effect that is too large'),
    /^effect_invalid: `payload` is larger than 256 KiB/,
    'its two quotes are counted too',
  );
  for (const eventId of neighbours) {
    await harness.applied(endpoint.provider, eventId);
    t.same(await harness.outcomesOf(eventId), ['applied']);
  }
  t.notOk(
    harness.logs.some(({ msg }) => msg === 'worker.paused'),
    'and the worker never rested for it',
  );
  t.notOk(harness.logs.some(({ msg }) => msg === 'event.recordFailed'));
  t.same(await harness.sql('SELECT * FROM webhook_effects'), []);
});

t.test('nothing that a handler leaves in its session reaches Semel or the next event', async (t) => {
  const seen: unknown[] = [];
  const harness = await startNotesHarness(
    t,
    [
      defineHandler('stripe', 'invoice.paid', async ({ tx }) => {
        const { rows } = await tx.query(
          `SELECT to_regclass('pg_temp.notes_of_mine') AS temp, current_setting('work_mem') AS setting,
             (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks`,
        );
        seen.push(rows[0]);
        // Named like Semel's tables, which they must not shadow.
        for (const table of ['webhook_attempts', 'domain_changes', 'finance_invoices'])
          await tx.query(`CREATE TEMP TABLE ${table} (LIKE public.${table})`);
        await tx.query('CREATE TEMP TABLE notes_of_mine (text text)');
        await tx.query(`SELECT set_config('work_mem', '77MB', false), pg_advisory_lock(4711)`);
      }),
    ],
    { workers: 0 },
  );
  const endpoint = await harness.addEndpoint('stripe', await harness.addFirm());
  const sent: string[] = [];
  for (let i = 0; i < 12; i++) sent.push((await harness.send(endpoint, 'invoice.paid')).eventId);
  await harness.startWorker();
  for (const eventId of sent) {
    await harness.applied(endpoint.provider, eventId);
    t.same(await harness.outcomesOf(eventId), ['applied'], 'its history is where it belongs');
    t.equal((await harness.sql('SELECT 1 FROM domain_changes WHERE event_id = $1', [eventId])).length, 1);
  }
  t.equal(seen.length, 12);
  for (const session of seen)
    t.same(session, { temp: null, setting: (seen[0] as { setting: string }).setting, locks: 0 });
  t.not((seen[0] as { setting: string }).setting, '77MB');
});

t.test('a handler sees only its own firm, whatever other firms are in the group', async (t) => {
  const seen = new Map<string, string[]>();
  const harness = await startNotesHarness(
    t,
    [
      defineHandler('stripe', 'invoice.*', async ({ tx, firm }) => {
        const { rows } = await tx.query<{ firm_id: string }>('SELECT DISTINCT firm_id FROM finance_invoices');
        seen.set(firm.id, [...(seen.get(firm.id) ?? []), ...rows.map((row) => row.firm_id)]);
      }),
    ],
    { workers: 0 },
  );
  const firms = await Promise.all([harness.addFirm(), harness.addFirm(), harness.addFirm()]);
  const sent: [TestEndpoint, string][] = [];
  for (const firm of firms) {
    const endpoint = await harness.addEndpoint('stripe', firm);
    for (let i = 0; i < 5; i++) sent.push([endpoint, (await harness.send(endpoint, 'invoice.paid')).eventId]);
  }
  await harness.startWorker(); // only now: all waiting events form one group
  for (const [endpoint, eventId] of sent) await harness.applied(endpoint.provider, eventId);
  t.equal(seen.size, 3);
  for (const [firm, visible] of seen) t.same([...new Set(visible)], [firm]);
});

t.test('a slow handler delays no other event', async (t) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const harness = await startNotesHarness(t, [defineHandler('stripe', 'invoice.paid', () => held)], {
    handlerTimeoutMs: 9_000, // below the ten seconds after which Postgres ends an idle transaction
  });
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('stripe', firm);
  const slow: string[] = [];
  for (let i = 0; i < 6; i++) slow.push((await harness.send(endpoint, 'invoice.paid')).eventId);
  const others: string[] = [];
  for (let i = 0; i < 20; i++)
    others.push((await harness.send(endpoint, 'payment_intent.succeeded')).eventId);
  for (const eventId of others) await harness.applied(endpoint.provider, eventId);
  for (const eventId of slow) t.same(await harness.outcomesOf(eventId), [], 'while the slow ones are at it');
  release();
  for (const eventId of slow) await harness.applied(endpoint.provider, eventId);
});

t.test('a worker killed inside a handler: the event is applied once', async (t) => {
  const harness = await startNotesHarness(t, [], { workers: 0 });
  const firm = await harness.addFirm();
  const endpoint = await harness.addEndpoint('stripe', firm);
  const env = {
    DATABASE_URL: harness.database.url,
    REDIS_URL: harness.redisServer.url,
    SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
    ...testPasswordEnv,
    WORKER_PORT: '0',
    SEMEL_HANDLERS: 'test/support/slow-handler.ts',
    SEMEL_HANDLER_TIMEOUT_MS: '8000',
  };
  const { body, eventId } = prepare(harness, endpoint, { overrides: { number: 'slow' } });
  await harness.send(endpoint, 'invoice.paid', { body });
  const first = await startApp('worker', env);
  await waitUntil(
    async () =>
      (await harness.sql(`SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'`)).length > 0,
    { what: 'the handler is at it' },
  );
  await first.kill('SIGKILL');
  t.equal(await notesOf(harness, eventId), 0);
  t.same(await harness.outcomesOf(eventId), [], 'nothing of it is left');
  const second = await startApp('worker', env);
  t.teardown(() => second.stop());
  await waitUntil(async () => (await notesOf(harness, eventId)) > 0, {
    what: 'another runs it',
    timeoutMs: 150_000, // BullMQ needs two checks, half a minute apart, to call a job stalled
  });
  await harness.applied(endpoint.provider, eventId);
  t.equal(await notesOf(harness, eventId), 1);
  t.same(await harness.outcomesOf(eventId), ['applied']);
});

t.test('an invalid handler is refused where it is defined', async (t) => {
  t.throws(() => defineHandler('stripe', '', () => undefined));
  t.throws(() => defineHandler('stripe', 'in*voice', () => undefined));
  t.throws(() => defineHandler('stripe', 'invoice.paid', undefined as never));
  t.throws(
    () => defineHandler('stripe', 'invoice.paid', () => undefined, { when: 'applied' as never }),
    /"when" is one of event, changed, always/,
  );
  t.throws(() => defineDelivery('', () => undefined));
  t.throws(() => defineDelivery('x', undefined as never));
});
