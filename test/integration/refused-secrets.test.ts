import { encryptionKey } from '@semel/database';
import { providers } from '@semel/providers';
import pg from 'pg';
import t from 'tap';
import { openSecret, secretBinding } from '../../packages/database/src/connection/secrets.js';
import { runSemel } from '../support/cli.js';
import { createTestDatabase, testEncryptionKey, testPasswordEnv } from '../support/servers.js';
import { openTestAdmin } from '../support/test-admin.js';
import { wrongSecrets } from '../unit/providers/wrong-secrets.js';

// A secret that can never verify is refused at the door: nothing of it is written, and it is shown nowhere.

const key = encryptionKey(testEncryptionKey);
const database = await createTestDatabase(t);
const admin = openTestAdmin(t, database);
const owner = new pg.Pool({ connectionString: database.url });
t.teardown(async () => {
  await owner.end();
});
await admin.firms.add({ slug: 'acme', name: 'Acme LLP' });

async function secretsOf(endpointId: string): Promise<string[]> {
  const { rows } = await owner.query(
    'SELECT id, sealed FROM webhook_endpoint_secrets WHERE endpoint_id = $1 ORDER BY created_at, id',
    [endpointId],
  );
  return rows.map(({ id, sealed }) => openSecret(key, sealed, secretBinding({ endpointId, secretId: id })));
}

t.test('adding or changing an endpoint with an unusable secret is refused, and stores nothing', async (t) => {
  for (const { name: provider, newSecret } of providers) {
    const right = newSecret();
    const [, wrong = ''] = wrongSecrets[provider]?.[0] ?? [];
    const refused = { code: 'input_invalid', message: /^This [^.]+$/, advice: /^copy [^.]+$/ };
    const add = (secrets: string[]) => admin.endpoints.add({ provider, firmSlug: 'acme', secrets });

    await t.rejects(add([wrong]), refused, `${provider}: added`);
    const second = {
      code: 'input_invalid',
      message: /^Secret 2 of 2: This [^.]+$/,
      advice: /^copy [^.]+$/,
    };
    await t.rejects(add([right, wrong]), second, 'as the second of two');
    t.strictSame(await admin.endpoints.list({ provider }), []);

    const endpoint = await add([right]);
    const row = await admin.endpoints.list({ provider });
    await t.rejects(admin.endpoints.update(endpoint, { secrets: [wrong], mode: 'live' }), refused);
    await t.rejects(admin.endpoints.update(endpoint, { addSecrets: [wrong], accounts: ['a'] }), refused);
    t.strictSame(await admin.endpoints.list({ provider }), row, 'no other change is made either');
    t.strictSame(await secretsOf(endpoint.id), [right]);
  }
});

t.test('white space around a secret is trimmed', async (t) => {
  for (const { name: provider, newSecret } of providers) {
    const [first, next] = [newSecret(), newSecret()];
    const endpoint = await admin.endpoints.add({ provider, firmSlug: 'acme', secrets: [` ${first}\r\n`] });
    t.strictSame(await secretsOf(endpoint.id), [first], provider);
    await admin.endpoints.update(endpoint, { secrets: [`\t${next}\ufeff`] });
    t.strictSame(await secretsOf(endpoint.id), [next]);
  }
});

t.test(
  'the command line names what was pasted and where the right secret is, without printing it',
  async (t) => {
    const env = {
      DATABASE_URL: database.url,
      SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
      ...testPasswordEnv,
      PUBLIC_BASE_URL: 'https://hooks.example.test',
    };
    const [, apiKey = ''] = wrongSecrets.stripe?.[0] ?? [];
    const add = ['endpoint', 'add', '--provider', 'stripe', '--firm', 'acme', '--key', 'cli', '--secret'];
    const plain = await runSemel([...add, '-'], { env, input: `${apiKey}\n` });
    t.match(plain, {
      code: 2,
      stdout: '',
      stderr:
        /^input_invalid: This is a secret API key \("sk_…"\), not a signing secret — copy the signing secret .+\n$/,
    });

    t.equal((await runSemel([...add, 'whsec_right'], { env })).code, 0);
    const update = ['endpoint', 'update', 'cli', '--add-secret', apiKey, '--json'];
    const json = await runSemel(update, { env });
    t.match(json, { code: 2, stdout: '' });
    t.match(JSON.parse(json.stderr), {
      error: {
        code: 'input_invalid',
        message: /^This is a secret API key/,
        advice: /^copy the signing secret /,
      },
    });

    const { rows } = await owner.query('SELECT * FROM operator_actions');
    t.ok(rows.length > 0, 'it is written down that it was tried');
    const shown = JSON.stringify([plain, json, rows]);
    t.notOk(shown.includes(apiKey.slice(4)), 'and the secret stands nowhere');
  },
);
