import { setTimeout as sleep } from 'node:timers/promises';
import { awaitFirstConnection, type Endpoint, type Endpoints, StoreUnavailableError } from '@semel/core';
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
  /** Reads them once, and then again whenever the revision has changed. Starts although Postgres is away. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** False while the last look at Postgres failed: then what is not known can't be called unknown. */
  readonly fresh: boolean;
}

export interface EndpointCacheOptions {
  pool: pg.Pool;
  encryptionKey: EncryptionKey;
  /** How often to look whether anything changed, milliseconds. */
  refreshMs: number;
  onError(error: unknown): void;
}

/**
 * All endpoints and account mappings in memory: a delivery costs no query, unknown keys included, and goes on while
 * Postgres is away. A revision, counted up by the same transactions that change them, tells when to read again.
 */
export function endpointCache({
  pool,
  encryptionKey,
  refreshMs,
  onError,
}: EndpointCacheOptions): EndpointCache {
  let endpoints = new Map<string, Endpoint>();
  let accountFirms = new Map<string, string>();
  let revision = '';
  let fresh = false;
  let looking: Promise<void> | null = null;
  let nextLook: Promise<void> | null = null;
  let lastLookMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const connection = awaitFirstConnection();
  let told = false;
  let stopped = false;

  const nameOf = (provider: string, key: string) => `${provider} ${key}`;

  async function look(): Promise<void> {
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
      lastLookMs = performance.now();
    }
  }

  function toEndpoint(row: EndpointRow): Endpoint {
    const secrets = row.secrets.flatMap(({ id, keyId, sealed }) => {
      try {
        if (keyId !== encryptionKey.id)
          throw new Error(`sealed with key ${keyId}, not with ${encryptionKey.id}`);
        return openSecret(
          encryptionKey,
          Buffer.from(sealed, 'base64'),
          secretBinding({ endpointId: row.id, secretId: id }),
        );
      } catch (error) {
        onError(new Error(`a secret of endpoint ${row.key} can't be opened: ${(error as Error).message}`));
        return [];
      }
    });
    const { id, key, provider, firm_id: firmId, accounts, mode, public_url: publicUrl } = row;
    return { id, key, provider, firmId, secrets, accounts, mode, publicUrl };
  }

  const lookOnce = () => {
    looking ??= look().finally(() => {
      looking = null;
    });
    return looking;
  };

  async function lookSoon() {
    await sleep(Math.max(0, lastLookMs + refreshMs / 4 - performance.now()));
    while (looking !== null) await looking.catch(() => undefined);
    nextLook = null; // whoever asks from here on may have seen a later change
    await lookOnce();
  }

  async function poll() {
    try {
      await lookOnce();
      connection.made();
      told = false;
    } catch (error) {
      if (!told && !connection.isAwaited()) {
        told = true; // once per outage, not once per look
        onError(error);
      }
    }
    if (!stopped) timer = setTimeout(poll, refreshMs);
  }

  return {
    start: poll,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await looking?.catch(() => undefined);
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
    // Forged requests must not become queries: one look, begun after they asked, serves all who ask within a short while.
    reload: () => {
      nextLook ??= lookSoon();
      return nextLook;
    },
  };
}
