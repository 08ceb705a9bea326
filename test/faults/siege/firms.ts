import { randomBytes, randomUUID } from 'node:crypto';
import type { Provider } from '@semel/core';
import { destinationBinding, encryptionKey, sealSecret, secretBinding } from '@semel/database';
import { providers } from '@semel/providers';
import type pg from 'pg';
import { testEncryptionKey } from '../../support/servers.js';
import type { Request } from '../bodies.js';

export const publicBaseUrl = 'https://hooks.example.test';
const key = encryptionKey(testEncryptionKey);

export interface SiegeEndpoint {
  id: string;
  key: string;
  secret: string;
}

export interface SiegeFirm {
  id: string;
  slug: string;
  /** One of each provider, by its name. */
  endpoints: Record<string, SiegeEndpoint>;
}

export async function addFirm(sql: pg.Pool, slug: string): Promise<SiegeFirm> {
  const { rows } = await sql.query('INSERT INTO firms (slug, name) VALUES ($1, $1) RETURNING id', [slug]);
  const firm: SiegeFirm = { id: rows[0].id, slug, endpoints: {} };
  for (const provider of providers) firm.endpoints[provider.name] = await addEndpoint(sql, firm.id, provider);
  return firm;
}

export async function addEndpoint(sql: pg.Pool, firmId: string, provider: Provider): Promise<SiegeEndpoint> {
  const secret = provider.newSecret();
  const endpoint = { id: randomUUID() as string, key: randomBytes(11).toString('hex'), secret };
  const secretId = randomUUID();
  await sql.query('INSERT INTO webhook_endpoints (id, firm_id, provider, key) VALUES ($1, $2, $3, $4)', [
    endpoint.id,
    firmId,
    provider.name,
    endpoint.key,
  ]);
  const sealed = sealSecret(key, secret, secretBinding({ endpointId: endpoint.id, secretId }));
  await sql.query(
    'INSERT INTO webhook_endpoint_secrets (id, endpoint_id, firm_id, key_id, sealed) VALUES ($1, $2, $3, $4, $5)',
    [secretId, endpoint.id, firmId, key.id, sealed],
  );
  return endpoint;
}

export async function addDestination(sql: pg.Pool, firmId: string, name: string, url: string): Promise<void> {
  const id = randomUUID();
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const sealed = sealSecret(key, secret, destinationBinding({ id, firmId }));
  await sql.query(
    'INSERT INTO webhook_destinations (id, firm_id, name, url, key_id, sealed) VALUES ($1, $2, $3, $4, $5, $6)',
    [id, firmId, name, url, key.id, sealed],
  );
}

/** A request as this provider signs it. */
export function signed(
  provider: Provider,
  { key: endpointKey, secret }: SiegeEndpoint,
  body: Buffer,
  { channel = null, headers = {} }: { channel?: string | null; headers?: Record<string, string> } = {},
): Request {
  const route = provider.routes.find((each) => each.channel === channel)?.path ?? '';
  const path = `/webhooks/${provider.name}/${endpointKey}${route}`;
  const sent = provider.sign(
    { channel, headers, body },
    { url: publicBaseUrl + path, secret, nowMs: Date.now() },
  );
  return { path, headers: sent.headers, body: sent.body };
}
