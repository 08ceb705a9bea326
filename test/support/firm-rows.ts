import { randomBytes, randomUUID } from 'node:crypto';
import type { Provider } from '@semel/core';
import { destinationBinding, encryptionKey, sealSecret, secretBinding } from '@semel/database';
import { providerNamed } from '@semel/providers';
import { testEncryptionKey } from './database.js';

const key = encryptionKey(testEncryptionKey);

type Sql = <Row = Record<string, unknown>>(text: string, values?: unknown[]) => Promise<Row[]>;

export interface TestEndpoint {
  id: string;
  key: string;
  provider: Provider;
  firmId: string | null;
  secret: string;
}

/** Adds firms, endpoints, secrets and destinations to a test's database. */
export function createFirmRows(sql: Sql) {
  async function addFirm(slug = `firm-${randomBytes(4).toString('hex')}`): Promise<string> {
    const [row] = await sql<{ id: string }>('INSERT INTO firms (slug, name) VALUES ($1, $1) RETURNING id', [
      slug,
    ]);
    return row?.id as string;
  }

  async function addEndpoint(
    providerName: string,
    firmId: string | null,
    extra: { accounts?: string[]; secret?: string; mode?: 'live' | 'test' } = {},
  ): Promise<TestEndpoint> {
    const provider = providerNamed(providerName) as Provider;
    const endpoint = { id: randomUUID(), key: randomBytes(11).toString('hex'), provider, firmId };
    const secret = extra.secret ?? provider.newSecret();
    await sql(
      'INSERT INTO webhook_endpoints (id, firm_id, provider, key, mode) VALUES ($1, $2, $3, $4, $5)',
      [endpoint.id, firmId, providerName, endpoint.key, extra.mode ?? null],
    );
    for (const account of extra.accounts ?? [])
      await sql('INSERT INTO webhook_endpoint_accounts (endpoint_id, firm_id, account) VALUES ($1, $2, $3)', [
        endpoint.id,
        firmId,
        account,
      ]);
    await addSecret(endpoint, secret); // last: until then the endpoint accepts nothing
    return { ...endpoint, secret };
  }

  /** Adds a secret; the endpoint keeps its others. */
  async function addSecret({ id, firmId }: Pick<TestEndpoint, 'id' | 'firmId'>, secret: string) {
    const secretId = randomUUID();
    await sql(
      'INSERT INTO webhook_endpoint_secrets (id, endpoint_id, firm_id, key_id, sealed) VALUES ($1, $2, $3, $4, $5)',
      [secretId, id, firmId, key.id, sealSecret(key, secret, secretBinding({ endpointId: id, secretId }))],
    );
  }

  /** Adds a destination for a firm's outbox rows. */
  async function addDestination(
    firmId: string,
    name: string,
    url: string,
    secret = `whsec_${randomBytes(24).toString('base64')}`,
  ): Promise<{ secret: string }> {
    const id = randomUUID();
    const sealed = sealSecret(key, secret, destinationBinding({ id, firmId }));
    await sql(
      'INSERT INTO webhook_destinations (id, firm_id, name, url, key_id, sealed) VALUES ($1, $2, $3, $4, $5, $6)',
      [id, firmId, name, url, key.id, sealed],
    );
    return { secret };
  }

  return { addFirm, addEndpoint, addSecret, addDestination };
}
