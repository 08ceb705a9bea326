import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Provider } from '@semel/core';
import { providerNamed, providers } from '@semel/providers';
import pg from 'pg';
import t from 'tap';
import { newProvider } from '../../apps/cli/src/scaffold/new-provider.js';
import { diffAgainstSchema } from '../../scripts/schema-engine.mjs';
import { applyFolder } from '../support/apply-folder.js';
import { createTestDatabase } from '../support/database.js';

const source = fileURLToPath(new URL('../..', import.meta.url));
const registryFile = 'packages/providers/src/registry.ts';

const { ledger: standardLedger } = providerNamed('standard') as Provider;

/** The columns of every ledger table besides its key and its links. */
const commonColumns = [
  'account text null',
  'applied_at timestamp with time zone null',
  'attempts integer = 0',
  'body_sha256 text',
  'channel text null',
  'duplicate_count bigint = 0',
  'endpoint_id uuid',
  'event_data jsonb null',
  'event_raw bytea',
  'event_type text',
  'firm_id uuid',
  'id bigint',
  'idempotency_key text',
  'ignored_reason text null',
  'last_duplicate_at timestamp with time zone null',
  'last_error text null',
  'outcome text',
  'provider_created_at timestamp with time zone null',
  'received_at timestamp with time zone',
];

type Column = [name: string, type: string, isNullable: 'YES' | 'NO', byDefault: string | null];
const asText = ([name, type, isNullable, byDefault]: Column) =>
  `${name} ${type}${isNullable === 'YES' ? ' null' : ''}${byDefault === null ? '' : ` = ${byDefault}`}`;

/** The files of a clone that a new provider changes. */
function cloneIn(folder: string): string {
  cpSync(join(source, 'prisma'), join(folder, 'prisma'), { recursive: true });
  mkdirSync(join(folder, 'packages/providers/src'), { recursive: true });
  writeFileSync(join(folder, registryFile), readFileSync(join(source, registryFile)));
  return folder;
}

t.test('a new provider takes one folder, one line and one table', async (t) => {
  const root = cloneIn(mkdtempSync(join(tmpdir(), 'semel-scaffold-')));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const now = new Date();
  const files = newProvider({ root, name: 'acme', title: 'Acme Pay', now });
  newProvider({ root, name: 'zeta', title: 'Zeta', now }); // side by side, in the same second

  for (const file of ['signature', 'identity', 'changes', 'samples', 'scenarios', 'sign', 'index'])
    t.ok(files.includes(`packages/providers/src/acme/${file}.ts`), file);
  t.ok(files.includes('test/unit/providers/acme.test.ts'));
  const registry = readFileSync(join(root, registryFile), 'utf8');
  const names = providers.map(({ name }) => name);
  t.match(registry, `[${[...names, 'acme', 'zeta'].join(', ')}];`);
  for (const name of ['acme', 'zeta'])
    t.match(registry, `import { ${name} } from './${name}/index.js';`, `${name} is imported`);

  const database = await createTestDatabase(t);
  const migrationsDir = join(root, 'prisma/migrations');
  const applied = await applyFolder(database.url, migrationsDir);
  t.match(applied, [/^\d{14}_acme$/, /^\d{14}_zeta$/], 'after all that there were, in this order');
  t.same(
    await diffAgainstSchema({
      databaseUrl: database.url,
      migrationsDir,
      schemaDir: join(root, 'prisma/schema'),
    }),
    { sql: '', summary: '' },
    'the schema says what the migrations build',
  );

  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  t.teardown(() => client.end());
  const { rows: views } = await client.query<{ definition: string; options: string[] }>(
    `SELECT pg_get_viewdef(oid) AS definition, reloptions AS options FROM pg_class WHERE relname = 'webhook_events'`,
  );
  for (const name of [...names, 'acme', 'zeta'])
    t.match(views[0]?.definition, `'${name}'::text`, `${name} is in the view`);
  t.same(views[0]?.options, ['security_invoker=true'], 'which still looks with the rights of who asks');

  const shape = async (table: string) =>
    (
      await client.query(
        `SELECT (SELECT jsonb_agg(jsonb_build_array(column_name, data_type, is_nullable, column_default) ORDER BY ordinal_position)
             FROM information_schema.columns WHERE table_name = $1) AS columns,
           (SELECT jsonb_agg(jsonb_build_array(grantee, privilege_type) ORDER BY grantee, privilege_type)
             FROM information_schema.role_table_grants WHERE table_name = $1 AND grantee IN ('semel_receiver', 'semel_worker', 'semel_console')) AS grants,
           (SELECT jsonb_agg(pg_get_expr(polqual, polrelid) ORDER BY polname) FROM pg_policy WHERE polrelid = $1::regclass) AS policies,
           (SELECT jsonb_build_array(relrowsecurity, relforcerowsecurity) FROM pg_class WHERE oid = $1::regclass) AS forced,
           (SELECT count(*)::int FROM pg_indexes WHERE tablename = $1) AS indexes`,
        [table],
      )
    ).rows[0];
  const like = await shape('standard_webhook_events');
  t.same(like.forced, [true, true]);
  t.same(
    await shape('acme_webhook_events'),
    like,
    'columns, rights, policies and indexes equal those of its model',
  );
  const { policies } = await shape('finance_stripe_webhook_events');
  t.same(like.policies, policies, 'and the policies equal those of the first tables');

  const tables = [
    ...providers.map(({ ledger }) => ledger),
    ...['acme', 'zeta'].map((name) => ({ ...standardLedger, table: `${name}_webhook_events` })),
  ];
  for (const { table, keyColumns, linkColumns } of tables) {
    const columns = (await shape(table)).columns.map(asText).sort();
    const own = [
      ...keyColumns.map((name) => `${name} text`),
      ...linkColumns.map((name) => `${name} uuid null`),
    ];
    t.same(columns, [...commonColumns, ...own].sort(), table);
  }

  t.throws(() => newProvider({ root, name: 'acme', title: 'Acme', now }), {
    code: 'provider_exists',
  } as never);
  t.throws(() => newProvider({ root: tmpdir(), name: 'x', title: 'X', now }), {
    code: 'source_missing',
  } as never);
});
