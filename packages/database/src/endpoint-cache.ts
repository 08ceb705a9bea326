import { setTimeout as sleep } from 'node:timers/promises';
import {
  awaitFirstConnection,
  type Endpoint,
  type Endpoints,
  type Repeating,
  repeat,
  StoreUnavailableError,
} from '@semel/core';
import type pg from 'pg';
import { type EncryptionKey, openSecret, secretBinding } from './connection/secrets.js';
import { toStoreError } from './connection/store-error.js';

interface EndpointRow {
  id: string;
  key: string;
  provider: string;
  firm_id: string | null;
  mode: 'live' | 'test' | null;
  public_url: string | null;
  accounts: string[];
  secrets: { id: string; keyId: string; sealed: string }[];
}

export interface EndpointCache extends Endpoints {
  /** Loads the endpoints, then again whenever their revision changes. Resolves even if Postgres is unreachable. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** False while the last poll failed: then a missing endpoint may exist, and `find` throws instead of returning null. */
  readonly fresh: boolean;
}

export interface EndpointCacheOptions {
  pool: pg.Pool;
  encryptionKey: EncryptionKey;
  /** How often to check for changes. */
  refreshMs: number;
  onError(error: unknown): void;
}

/**
 * Holds all endpoints and account mappings in memory: no delivery costs a query, not even one to an unknown key, and
 * deliveries go on while Postgres is unreachable. Each change increments a revision in its own transaction; a new revision
 * makes the cache load everything again.
 */
export function createEndpointCache({
  pool,
  encryptionKey,
  refreshMs,
  onError,
}: EndpointCacheOptions): EndpointCache {
  let endpoints = new Map<string, Endpoint>();
  let accountFirms = new Map<string, string>();
  let revision = '';
  let fresh = false;
  let refreshing: Promise<void> | null = null;
  let nextReload: Promise<void> | null = null;
  let lastRefreshMs = 0;
  let polling: Repeating | null = null;
  const connection = awaitFirstConnection();

  const nameOf = (provider: string, key: string) => `${provider} ${key}`;

  async function refresh(): Promise<void> {
    try {
      const { rows } = await pool.query<{ revision: string }>('SELECT revision FROM webhook_config');
      const found = rows[0]?.revision ?? '';
      if (found !== revision) {
        const [endpointRows, accountRows] = await Promise.all([
          pool.query<EndpointRow>('SELECT * FROM semel_endpoints()'),
          pool.query<{ provider: string; account: string; firm_id: string }>(
            'SELECT * FROM semel_account_firms()',
          ),
        ]);
        endpoints = new Map(endpointRows.rows.map((row) => [nameOf(row.provider, row.key), toEndpoint(row)]));
        accountFirms = new Map(
          accountRows.rows.map((row) => [nameOf(row.provider, row.account), row.firm_id]),
        );
        revision = found;
      }
      fresh = true;
    } catch (error) {
      fresh = false;
      throw toStoreError(error);
    } finally {
      lastRefreshMs = performance.now();
    }
  }

  function toEndpoint(row: EndpointRow): Endpoint {
    const secrets = row.secrets.flatMap(({ id, keyId, sealed }) => {
      try {
        if (keyId !== encryptionKey.id)
          throw new Error(`it is encrypted with key ${keyId}, this process has ${encryptionKey.id}`);
        return openSecret(
          encryptionKey,
          Buffer.from(sealed, 'base64'),
          secretBinding({ endpointId: row.id, secretId: id }),
        );
      } catch (error) {
        onError(new Error(`cannot decrypt a secret of endpoint ${row.key}: ${(error as Error).message}`));
        return [];
      }
    });
    const { id, key, provider, firm_id: firmId, accounts, mode, public_url: publicUrl } = row;
    return { id, key, provider, firmId, secrets, accounts, mode, publicUrl };
  }

  const refreshOnce = () => {
    refreshing ??= refresh().finally(() => {
      refreshing = null;
    });
    return refreshing;
  };

  async function refreshSoon() {
    await sleep(Math.max(0, lastRefreshMs + refreshMs / 4 - performance.now()));
    while (refreshing !== null) await refreshing.catch(() => undefined);
    nextReload = null; // a later caller may know of a later change, and needs a refresh that starts after its call
    await refreshOnce();
  }

  async function poll() {
    try {
      await refreshOnce();
      connection.made();
    } catch (error) {
      if (!connection.isAwaited()) throw error;
    }
  }

  return {
    start: async () => {
      polling = repeat(poll, { firstInMs: 0, everyMs: refreshMs, onOutage: onError });
      await refreshOnce().catch(() => undefined); // the first poll waits for the same refresh
    },
    stop: async () => {
      await polling?.stop();
      await refreshing?.catch(() => undefined);
    },
    get fresh() {
      return fresh;
    },
    find(provider, key) {
      const found = endpoints.get(nameOf(provider, key));
      if (found === undefined && !fresh) throw new StoreUnavailableError('postgres');
      return found ?? null;
    },
    firmOfAccount: (provider, account) => accountFirms.get(nameOf(provider, account)) ?? null,
    // Forged requests must not become queries: callers within a short while share one refresh, which starts after their calls.
    reload: () => {
      nextReload ??= refreshSoon();
      return nextReload;
    },
  };
}
