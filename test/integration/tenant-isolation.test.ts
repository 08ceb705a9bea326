import { randomUUID } from 'node:crypto';
import { scopeEventId } from '@semel/core';
import { appRoles, connectionAs, roleName } from '@semel/database';
import { providers } from '@semel/providers';
import pg from 'pg';
import t, { type Test } from 'tap';
import { createTestDatabase, testPasswords, uniqueName } from '../support/servers.js';

// No app sees or changes a row of a firm that it does not act for, whatever SQL it sends.

const [firmA, firmB] = [randomUUID(), randomUUID()];
const denied = '42501'; // insufficient_privilege: no right, or row-level security

interface Column {
  column: string;
  type: string;
  nullable: boolean;
  given: boolean;
}

interface Table {
  name: string;
  /** `firm_id`, or `id` of the firms themselves. */
  firmColumn: string;
  columns: Column[];
  takesPlatform: boolean;
}

interface Tried {
  code: string | null;
  count: number;
  rows: Record<string, unknown>[];
}

/** Runs the SQL in a transaction that is rolled back, and returns how it ended. */
async function tryOut(
  client: pg.Client,
  scope: { firms?: readonly string[]; platform?: boolean } | null,
  text: string,
  values: unknown[] = [],
): Promise<Tried> {
  const context =
    scope === null
      ? ''
      : `; SELECT set_config('semel.firm_ids', '{${(scope.firms ?? []).join(',')}}', true),
           set_config('semel.platform', '${scope.platform ? 'on' : 'off'}', true)`;
  await client.query(`BEGIN${context}`);
  try {
    const { rowCount, rows } = await client.query(text, values);
    return { code: null, count: rowCount ?? 0, rows };
  } catch (error) {
    return { code: (error as { code?: string }).code ?? String(error), count: 0, rows: [] };
  } finally {
    await client.query('ROLLBACK');
  }
}

async function connect(t: Test, config: pg.ClientConfig) {
  const client = new pg.Client(config);
  client.on('error', () => undefined); // its database may be dropped before it ends
  await client.connect();
  t.teardown(() => client.end().catch(() => undefined));
  return client;
}

/** Every table with firms' rows, from the catalogue: a new one without row-level security fails. */
async function readTables(owner: pg.Client): Promise<Table[]> {
  const { rows } = await owner.query(`
    SELECT c.relname AS name, json_agg(json_build_object('column', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'nullable', NOT a.attnotnull, 'given', a.atthasdef OR a.attidentity <> '') ORDER BY a.attnum) AS columns
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY 1 ORDER BY 1`);
  return (rows as { name: string; columns: Column[] }[])
    .map((table) => {
      const firmColumn = table.name === 'firms' ? 'id' : 'firm_id';
      const own = table.columns.find(({ column }) => column === firmColumn);
      return { ...table, firmColumn, takesPlatform: own?.nullable === true };
    })
    .filter(({ columns, firmColumn }) => columns.some(({ column }) => column === firmColumn));
}

/** A row with a value in every NOT NULL column. */
function rowOf({ name, columns, firmColumn }: Table, firm: string | null) {
  const used = columns.filter(
    ({ column, nullable, given }) => column === firmColumn || (!nullable && !given) || column === 'key',
  );
  const fill = ({ column, type }: Column) => {
    if (column === firmColumn) return firm;
    if (column === 'outcome') return 'applied';
    if (type === 'uuid') return randomUUID();
    if (type === 'bytea') return Buffer.from('secret');
    if (type === 'jsonb') return '{}';
    if (type.startsWith('timestamp')) return new Date();
    if (type === 'bigint' || type === 'integer') return 1;
    return `x${randomUUID()}@x`; // `standard` has the endpoint in its ids
  };
  return {
    text: `INSERT INTO ${name} (${used.map(({ column }) => column).join(', ')}) VALUES (${used.map((_, i) => `$${i + 1}`).join(', ')})`,
    values: used.map(fill),
  };
}

/** A database in which every isolated table has a row of each firm, and one of the platform if allowed. */
async function openDatabase(t: Test) {
  const database = await createTestDatabase(t);
  const owner = await connect(t, { connectionString: database.url });
  const tables = await readTables(owner);
  await owner.query('SET session_replication_role = replica'); // no foreign keys or triggers here
  for (const table of tables)
    for (const firm of table.takesPlatform ? [firmA, firmB, null] : [firmA, firmB]) {
      const { text, values } = rowOf(table, firm);
      await owner.query(text, values);
    }
  await owner.query('SET session_replication_role = origin');
  const as = async (t: Test, role: (typeof appRoles)[number]) =>
    connect(t, connectionAs(database.url, role, testPasswords) as pg.ClientConfig);
  return { database, owner, tables, as };
}

t.test('tenant isolation in the database', async (t) => {
  const { owner, tables, as } = await openDatabase(t);

  t.test("every table with firms' rows has row-level security, forced for its owner too", async (t) => {
    t.ok(tables.length >= 21, `${tables.length} tables`);
    const { rows } = await owner.query(`
      SELECT relname AS name, relrowsecurity AND relforcerowsecurity AS walled,
        (SELECT array_agg(polname::text ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid) AS policies
      FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`);
    for (const { name } of tables) {
      const row = rows.find((candidate) => candidate.name === name);
      t.equal(row?.walled, true, name);
      // A quarantine row without a firm is visible to the firm that its account is mapped to: see the sweeper's tests.
      const others = name === 'webhook_quarantine' ? ['lookup', 'account_mapped'] : ['lookup'];
      t.same(
        row?.policies?.filter((policy: string) => !others.includes(policy)),
        ['firm_wall'],
        `${name} has one door`,
      );
    }
    const withoutFirms = rows
      .map(({ name }) => name)
      .filter((name) => !tables.some((table) => table.name === name));
    t.same(withoutFirms.sort(), ['_prisma_migrations', 'webhook_config'], 'what has no firm is known');
  });

  for (const role of appRoles)
    t.test(`${roleName(role)} sees and changes only its own firms' rows`, async (t) => {
      const client = await as(t, role);
      const updatable = async (table: string): Promise<string[]> =>
        (
          await owner.query(
            `SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0
             AND attidentity = '' AND has_column_privilege($2, attrelid, attnum, 'UPDATE')`,
            [table, roleName(role)],
          )
        ).rows.map(({ name }) => name);
      for (const table of tables) {
        const { name, firmColumn } = table;
        const seen = (scope: Parameters<typeof tryOut>[1]) =>
          tryOut(client, scope, `SELECT ${firmColumn} AS firm FROM ${name}`);
        const shows = async (scope: Parameters<typeof tryOut>[1], firms: (string | null)[], what: string) => {
          const { code, rows } = await seen(scope);
          if (code !== null) t.equal(code, denied, `${name}: ${what}: no right at all`);
          else t.same(rows.map(({ firm }) => firm).sort(), firms.sort(), `${name}: ${what}`);
        };
        const platform = table.takesPlatform ? [null] : [];
        await shows(null, [], 'nothing without a context');
        await shows({}, [], 'nothing in an empty context');
        await shows({ firms: [firmA] }, [firmA], "in a firm's context its own rows alone");
        await shows({ firms: [firmA, firmB] }, [firmA, firmB], 'both where both are named');
        await shows({ platform: true }, platform, "the platform's own, where asked for");
        await shows({ firms: [randomUUID()] }, [], 'nothing for a firm that is not there');

        for (const firm of [firmB, ...(table.takesPlatform ? [null] : [])]) {
          const { text, values } = rowOf(table, firm);
          const { code } = await tryOut(client, { firms: [firmA] }, text, values);
          t.equal(
            code,
            denied,
            `${name}: no row for ${firm ? 'another firm' : 'the platform'} can be put in`,
          );
        }
        const moved = await tryOut(client, { firms: [firmA] }, `UPDATE ${name} SET ${firmColumn} = $1`, [
          firmB,
        ]);
        t.equal(moved.code, denied, `${name}: no row can be handed to another firm`);
        const taken = await tryOut(
          client,
          { firms: [firmA] },
          `UPDATE ${name} SET ${firmColumn} = $1 WHERE ${firmColumn} = $2`,
          [firmA, firmB],
        );
        t.equal(taken.count, 0, `${name}: nor be taken from it`);
        for (const column of await updatable(name)) {
          const { count } = await tryOut(
            client,
            { firms: [firmA] },
            `UPDATE ${name} SET ${column} = ${column}`,
          );
          t.equal(count, 1, `${name}.${column}: an update reaches its own row alone`);
        }
        const gone = await tryOut(client, { firms: [firmA] }, `DELETE FROM ${name}`);
        t.ok(gone.code === denied || gone.count === 1, `${name}: a delete reaches its own row alone`);
        const emptied = await tryOut(client, { firms: [firmA] }, `TRUNCATE ${name} CASCADE`);
        t.equal(emptied.code, denied, `${name}: can't be emptied`);
        const copied = await tryOut(
          client,
          { firms: [firmA] },
          `SET LOCAL row_security = off; SELECT * FROM ${name}`,
        );
        t.equal(copied.code, denied, `${name}: row-level security cannot be switched off`);
      }
    });

  t.test('a context that is not a list of firms shows nothing', async (t) => {
    const client = await as(t, 'console');
    for (const text of ['x', '{x}', 'NULL', "{}' OR true --", `{${firmA}`, '*']) {
      const { rows } = await tryOut(
        client,
        null,
        `SELECT id FROM finance_invoices WHERE set_config('semel.firm_ids', $1, true) IS NOT NULL`,
        [text],
      );
      t.same(rows, [], text);
    }
  });

  t.test('the view over the ledgers applies row-level security', async (t) => {
    const { rows: options } = await owner.query(
      `SELECT reloptions::text AS options FROM pg_class WHERE relname = 'webhook_events'`,
    );
    t.match(options[0]?.options, /security_invoker=true/);
    const client = await as(t, 'console');
    const select = 'SELECT webhook_provider, firm_id FROM webhook_events ORDER BY 1';
    t.same((await tryOut(client, null, select)).rows, []);
    t.same((await tryOut(client, { platform: true }, select)).rows, []);
    t.same(
      (await tryOut(client, { firms: [firmA] }, select)).rows,
      providers
        .map(({ name }) => ({ webhook_provider: name, firm_id: firmA }))
        .sort((x, y) => x.webhook_provider.localeCompare(y.webhook_provider)),
    );
    const worker = await tryOut(await as(t, 'worker'), { firms: [firmA] }, select);
    t.ok(worker.rows.length > 0 && worker.rows.every(({ firm_id }) => firm_id === firmA), 'semel_worker');
    t.equal(
      (await tryOut(await as(t, 'receiver'), { firms: [firmA] }, select)).code,
      denied,
      'semel_receiver',
    );
    const { rows: views } = await owner.query(
      `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
       AND NOT COALESCE('security_invoker=true' = ANY (reloptions), false)`,
    );
    t.same(views, [], 'no other view');
  });

  t.test('row-level security holds for an owner without superuser rights', async (t) => {
    const { database, owner, tables } = await openDatabase(t);
    const name = uniqueName('owner');
    await owner.query(`CREATE ROLE ${name} NOSUPERUSER; GRANT USAGE ON SCHEMA public TO ${name}`);
    t.teardown(async () => {
      await database.drop();
      const cluster = new URL(database.url);
      cluster.pathname = '/postgres';
      const client = new pg.Client({ connectionString: cluster.href });
      await client.connect();
      await client.query(`DROP ROLE ${name}`);
      await client.end();
    });
    for (const table of tables) await owner.query(`ALTER TABLE ${table.name} OWNER TO ${name}`);
    await owner.query(`SET ROLE ${name}`);
    for (const table of tables) {
      const select = `SELECT ${table.firmColumn} AS firm FROM ${table.name}`;
      t.same((await tryOut(owner, null, select)).rows, [], table.name);
      t.same((await tryOut(owner, { firms: [firmA] }, select)).rows, [{ firm: firmA }], table.name);
    }
    await owner.query('RESET ROLE');
  });
});

t.test('what each role may do', async (t) => {
  const { owner, tables, as } = await openDatabase(t);
  const names = [...appRoles.map(roleName), 'semel_lookup'];

  t.test('no role has administrative rights', async (t) => {
    const { rows } = await owner.query(
      `SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin,
         (SELECT count(*)::int FROM pg_auth_members m WHERE m.member = r.oid) AS memberships,
         (SELECT count(*)::int FROM pg_class c WHERE c.relowner = r.oid) AS owns
       FROM pg_roles r WHERE rolname = ANY ($1)`,
      [names],
    );
    t.equal(rows.length, 4);
    for (const { rolname, rolcanlogin, memberships, owns, ...powers } of rows) {
      t.notOk(Object.values(powers).some(Boolean), `${rolname} has no power of its own`);
      t.equal(memberships, 0, 'nor of another');
      t.equal(owns, 0, 'and owns no table');
      t.equal(rolcanlogin, rolname !== 'semel_lookup', 'the apps can log in, the lookup role can not');
    }
  });

  for (const role of appRoles)
    t.test(`${roleName(role)} cannot gain more rights`, async (t) => {
      const client = await as(t, role);
      const { rows } = await owner.query('SELECT current_user AS name');
      const others = [...names.filter((name) => name !== roleName(role)), rows[0]?.name as string];
      const attempts = [
        'CREATE TABLE mine (id int)',
        'CREATE TABLE public.mine (id int)',
        'CREATE SCHEMA mine',
        `CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
        'CREATE VIEW public.mine AS SELECT 1',
        'CREATE ROLE mine',
        'CREATE EXTENSION dblink',
        'ALTER TABLE firms DISABLE ROW LEVEL SECURITY',
        'ALTER TABLE firms NO FORCE ROW LEVEL SECURITY',
        'DROP POLICY firm_wall ON firms',
        'CREATE POLICY open ON firms USING (true)',
        'DROP TABLE webhook_attempts',
        'SET session_replication_role = replica',
        `ALTER ROLE ${roleName(role)} BYPASSRLS`,
        `GRANT semel_lookup TO ${roleName(role)}`,
        `GRANT SELECT ON firms TO ${roleName(role)}; SELECT 1 / (SELECT 0 FROM pg_roles LIMIT 1)`,
        `SELECT pg_read_file('PG_VERSION')`,
        `COPY firms TO PROGRAM 'cat'`,
        'SELECT rolpassword FROM pg_authid',
        'INSERT INTO _prisma_migrations DEFAULT VALUES',
        ...others.flatMap((name) => [`SET ROLE ${name}`, `SET SESSION AUTHORIZATION ${name}`]),
      ];
      for (const text of attempts) {
        const { code } = await tryOut(client, { firms: [firmA], platform: true }, text);
        // A GRANT without the right to grant only warns; the division by zero after it shows that nothing was granted.
        t.ok(code === denied || (text.startsWith('GRANT SELECT') && code !== null), `${text}: ${code}`);
      }
    });

  t.test(
    'the lookup functions have a fixed search path, an owner with limited rights, and chosen callers',
    async (t) => {
      const { rows } = await owner.query(`
      SELECT p.oid::regprocedure::text AS name, r.rolname AS owner, proconfig::text AS config,
        EXISTS (SELECT FROM aclexplode(COALESCE(proacl, acldefault('f', proowner))) WHERE grantee = 0) AS public
      FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
      WHERE pronamespace = 'public'::regnamespace AND prosecdef ORDER BY 1`);
      t.same(
        rows.map(({ name }) => name),
        [
          'semel_account_firms()',
          'semel_bodies_kept(text,text,uuid,interval,integer)',
          'semel_endpoints()',
          'semel_event_is_foreign(text,text,uuid)',
          'semel_failed_events(text,bigint,interval,integer)',
          'semel_firms()',
          'semel_outbox_due(integer,interval)',
          'semel_quarantine_mapped(bigint,integer)',
          'semel_spill_due(text[],integer)',
        ],
      );
      for (const { name, owner: functionOwner, config, public: isPublic } of rows) {
        t.equal(functionOwner, 'semel_lookup', name);
        t.match(config, /search_path=pg_catalog, pg_temp/, name);
        t.equal(isPublic, false, `${name} is not for all`);
      }
      const callers: Record<string, string[]> = {
        semel_endpoints: ['receiver'],
        semel_account_firms: ['receiver', 'console'],
        semel_firms: ['console'],
        semel_outbox_due: ['worker'],
      };
      // Their results are tested with the relay and the sweeper.
      const withArguments: Record<string, string[]> = {
        "semel_spill_due('{stripe}', 1)": ['worker'],
        "semel_failed_events('finance_stripe_webhook_events', 0, '0', 1)": ['worker'],
        "semel_event_is_foreign('finance_stripe_webhook_events', 'x', NULL)": ['worker'],
        'semel_quarantine_mapped(0, 1)': ['worker'],
        "semel_bodies_kept('', '', NULL, '0', 1)": ['worker'],
      };
      const calls = [
        ...Object.entries(callers).map(([name, roles]) => ({ call: `${name}()`, roles, finds: true })),
        ...Object.entries(withArguments).map(([call, roles]) => ({ call, roles, finds: false })),
      ];
      for (const { call, roles, finds } of calls)
        for (const role of appRoles) {
          const { code, count } = await tryOut(await as(t, role), null, `SELECT * FROM ${call}`);
          t.equal(code, roles.includes(role) ? null : denied, `${call} by ${role}`);
          if (code === null && finds) t.ok(count > 0, 'and it sees what it is for');
        }
      for (const role of appRoles)
        t.equal((await tryOut(await as(t, role), null, 'SELECT semel_touch_config()')).code, denied);

      const readable = [
        'firms',
        'webhook_endpoints',
        'webhook_endpoint_secrets',
        'webhook_endpoint_accounts',
        'webhook_accounts',
      ];
      for (const { name } of tables) {
        const { rows: may } = await owner.query(
          `SELECT has_table_privilege('semel_lookup', $1, 'SELECT') AS reads,
           has_table_privilege('semel_lookup', $1, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writes`,
          [name],
        );
        t.same(may, [{ reads: readable.includes(name), writes: false }], `semel_lookup and ${name}`);
      }
    },
  );

  t.test(
    'only verifying roles read secrets; history is append-only; a ledger row is never deleted',
    async (t) => {
      const both = { firms: [firmA, firmB], platform: true };
      for (const role of ['receiver', 'worker'] as const) {
        const client = await as(t, role);
        for (const table of ['webhook_endpoint_secrets', 'webhook_endpoints', 'webhook_accounts', 'firms'])
          t.equal((await tryOut(client, both, `SELECT * FROM ${table}`)).code, denied, `${role}: ${table}`);
      }
      const receiver = await as(t, 'receiver');
      for (const { name } of tables.filter(({ name }) =>
        /^(finance|esignature|sms|domain|webhook_(quarantine|spill|bodies|attempts))/.test(name),
      ))
        t.equal((await tryOut(receiver, both, `SELECT * FROM ${name}`)).code, denied, `receiver: ${name}`);

      for (const role of appRoles) {
        const client = await as(t, role);
        for (const table of ['webhook_attempts', 'domain_changes'])
          for (const text of [`UPDATE ${table} SET event_id = 'x'`, `DELETE FROM ${table}`])
            t.equal((await tryOut(client, both, text)).code, denied, `${role}: ${text}`);
        for (const { ledger } of providers)
          t.equal(
            (await tryOut(client, both, `DELETE FROM ${ledger.table}`)).code,
            denied,
            `${role}: ${ledger.table}`,
          );
        for (const { ledger } of providers)
          if (role !== 'worker')
            t.equal(
              (await tryOut(client, both, `UPDATE ${ledger.table} SET outcome = 'dead'`)).code,
              denied,
              `${role} can't rewrite an outcome`,
            );
      }
      const { text, values } = rowOf(tables.find(({ name }) => name === 'webhook_attempts') as Table, firmA);
      t.equal((await tryOut(await as(t, 'worker'), both, text, values)).count, 1, 'the worker appends');
    },
  );
});

t.test('keys that guarantee one effect and tenant isolation', async (t) => {
  const database = await createTestDatabase(t);
  const owner = await connect(t, { connectionString: database.url });
  const tables = await readTables(owner);
  const endpoint = randomUUID();
  for (const firm of [firmA, firmB])
    await owner.query('INSERT INTO firms (id, slug, name) VALUES ($1, $2, $2)', [firm, `f${firm}`]);
  await owner.query(
    `INSERT INTO webhook_endpoints (id, firm_id, provider, key) VALUES ($1, $2, 'stripe', 'k')`,
    [endpoint, firmA],
  );
  const worker = await connect(t, connectionAs(database.url, 'worker', testPasswords) as pg.ClientConfig);
  const both = { firms: [firmA, firmB] };

  for (const provider of providers) {
    const { name, ledger } = provider;
    const [firstId, secondId] = [
      scopeEventId(provider, 'SM1.sent', endpoint),
      scopeEventId(provider, 'SM2.sent', endpoint),
    ];
    const insert = (eventId: string, firm: string, idempotencyKey = `${name}:${eventId}`) => {
      const given = [firm, endpoint, ...ledger.keyValues(eventId), idempotencyKey];
      return `INSERT INTO ${ledger.table} (firm_id, endpoint_id, ${ledger.keyColumns.join(', ')}, idempotency_key,
          event_type, event_raw, body_sha256, received_at, outcome)
        VALUES (${given.map((value) => `'${value}'`).join(', ')}, 'x', '', '', now(), 'applied')`;
    };
    const twice = (first: string, second: string) => tryOut(worker, both, `${first}; ${second}`);
    t.test(`${ledger.table}: a second row for an event is refused`, async (t) => {
      t.equal((await twice(insert(firstId, firmA), insert(secondId, firmA))).code, null, 'two events');
      t.equal((await twice(insert(firstId, firmA), insert(firstId, firmA))).code, '23505');
      t.equal((await twice(insert(firstId, firmA), insert(firstId, firmB))).code, '23505', "another firm's");
      t.equal(
        (await twice(insert(firstId, firmA), insert(firstId, firmA, 'other'))).code,
        '23505',
        'by its columns',
      );
      t.equal(
        (await twice(insert(firstId, firmA), insert(secondId, firmA, `${name}:${firstId}`))).code,
        '23505',
        'by its key',
      );
    });
    if (name === 'twilio')
      t.test('the same message with another status is another event', async (t) => {
        for (const other of ['SM1.delivered', 'SM1.inbound', 'SM1.sent.e30008', 'SM1.sent.d2609011230'])
          t.equal((await twice(insert(firstId, firmA), insert(other, firmA))).code, null, other);
      });
  }

  t.test('no foreign key links rows of two firms', async (t) => {
    const { rows } = await owner.query<{ name: string; from: string; to: string; columns: string[] }>(`
      SELECT conname AS name, conrelid::regclass::text AS from, confrelid::regclass::text AS to,
        ARRAY(SELECT attname::text FROM unnest(conkey) k JOIN pg_attribute ON attrelid = conrelid AND attnum = k) AS columns
      FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace`);
    const walled = new Set(tables.map(({ name }) => name));
    // A firm's row may reference a platform endpoint, which has no firm: the key is endpoint_id alone.
    const links = rows.filter(
      ({ to, columns }) => to !== 'firms' && walled.has(to) && !columns.includes('endpoint_id'),
    );
    t.ok(links.length >= 10, `${links.length} links`);
    for (const { name, columns } of links) t.ok(columns.includes('firm_id'), name);

    const object = (table: string, id: string, firm: string, extra: Record<string, string> = {}) => {
      const given: Record<string, string | number> = {
        id,
        firm_id: firm,
        provider: 'x',
        order_rank: 1,
        order_time: 1,
        order_event: 'x',
        ...(table === 'sms_conversations'
          ? { our_number: 'x', their_number: 'x' }
          : { [table === 'sms_messages' ? 'twilio_message_sid' : 'external_id']: 'x' }),
        ...extra,
      };
      const values = Object.values(given).map((value) => `'${value}'`);
      return `INSERT INTO ${table} (${Object.keys(given).join(', ')}) VALUES (${values.join(', ')})`;
    };
    for (const [parent, child, link] of [
      ['finance_invoices', 'finance_payments', 'invoice_id'],
      ['finance_payments', 'finance_charges', 'payment_id'],
      ['finance_payments', 'finance_refunds', 'payment_id'],
      ['finance_payments', 'finance_disputes', 'payment_id'],
      ['finance_invoices', 'finance_invoice_payments', 'invoice_id'],
      ['finance_payments', 'finance_invoice_payments', 'payment_id'],
      ['finance_invoices', 'finance_checkout_sessions', 'invoice_id'],
      ['finance_payments', 'finance_checkout_sessions', 'payment_id'],
      ['esignature_envelopes', 'esignature_recipients', 'envelope_id'],
      ['sms_conversations', 'sms_messages', 'conversation_id'],
    ] as const) {
      const id = randomUUID();
      const across = (firm: string) =>
        tryOut(
          worker,
          both,
          `${object(parent, id, firmB)}; ${object(child, randomUUID(), firm, { [link]: id })}; SET CONSTRAINTS ALL IMMEDIATE`,
        );
      t.equal((await across(firmB)).code, null, `${child}.${link} within a firm`);
      t.equal((await across(firmA)).code, '23503', `${child}.${link} across firms`);
    }
    for (const { ledger } of providers)
      for (const link of ledger.linkColumns) {
        const target = links.find(({ from, columns }) => from === ledger.table && columns.includes(link));
        const id = randomUUID();
        const given = [...ledger.keyColumns.map(() => 'x'), 'x', 'x', '', '', 'applied'].map(
          (value) => `'${value}'`,
        );
        const ledgerRow = (firm: string) =>
          `INSERT INTO ${ledger.table} (firm_id, endpoint_id, ${link}, received_at, ${ledger.keyColumns.join(', ')},
             idempotency_key, event_type, event_raw, body_sha256, outcome)
           VALUES ('${firm}', '${endpoint}', '${id}', now(), ${given.join(', ')})`;
        const across = (firm: string) =>
          tryOut(
            worker,
            both,
            `${object(target?.to ?? '', id, firmB)}; ${ledgerRow(firm)}; SET CONSTRAINTS ALL IMMEDIATE`,
          );
        t.equal((await across(firmB)).code, null, `${ledger.table}.${link} within a firm`);
        t.equal((await across(firmA)).code, '23503', `${ledger.table}.${link} across firms`);
      }
    const secret = (firm: string) =>
      tryOut(
        owner,
        null,
        `INSERT INTO webhook_endpoint_secrets (endpoint_id, firm_id, key_id, sealed) VALUES ('${endpoint}', '${firm}', 'x', '')`,
      );
    t.equal((await secret(firmA)).code, null);
    t.equal((await secret(firmB)).code, '23503', "no firm can add a secret to another's endpoint");
  });
});
