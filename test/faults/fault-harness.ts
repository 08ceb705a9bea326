import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encryptionKey, sealSecret, secretBinding } from '@semel/database';
import { Redis } from 'ioredis';
import pg from 'pg';
import { freePort, testEncryptionKey, testPasswords } from '../support/servers.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { type FaultApp, faultApp } from './app-process.js';
import { providerNames } from './bodies.js';
import { handlerRunsSql } from './counting-handlers.js';
import { diskFullSql } from './disk-full.js';
import type { AppSettings } from './fault-app.js';
import { type Firm, type SenderOptions, Senders } from './senders.js';
import type { FaultServers } from './servers.js';

export interface HarnessApp {
  app: FaultApp;
  /** Its proxies to the stores. */
  ways: { postgres: TcpProxy; redis: TcpProxy };
}

/** Two receivers and two workers as processes, each with its own proxies to one Postgres and one Redis; some firms. */
export interface FaultHarness {
  servers: FaultServers;
  databaseUrl: string;
  receivers: HarnessApp[];
  workers: HarnessApp[];
  firms: Firm[];
  /** Connected directly, without a proxy. */
  redis: Redis;
  sql: pg.Pool;
  /** Contains the apps' logs. */
  dir: string;
  publicBaseUrl: string;
  /** How long a silent worker keeps the lock on its jobs. */
  lockMs: number;
  stop(): Promise<void>;
}

export interface FaultHarnessOptions {
  servers: FaultServers;
  /** What `buildApps` made. */
  files: { receiver: string; worker: string };
  firms?: number;
  settings?: Partial<AppSettings>;
  /** Runs on the new database before the apps start. */
  breakDatabase?: string;
  keepLogs?: boolean;
}

export async function startFaultHarness(options: FaultHarnessOptions): Promise<FaultHarness> {
  const { servers, files } = options;
  const dir = mkdtempSync(join(tmpdir(), 'semel-faults-'));
  mkdirSync(join(dir, 'logs'));
  const databaseUrl = await servers.newDatabase();
  const sql = new pg.Pool({ connectionString: databaseUrl, max: 3 });
  sql.on('error', () => undefined);
  sql.on('connect', (client) => client.on('error', () => undefined));
  const redis = new Redis(servers.redis.url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  await redis.flushall();
  await sql.query(diskFullSql);
  await sql.query(handlerRunsSql);
  if (options.breakDatabase !== undefined) await sql.query(options.breakDatabase);
  const firms: Firm[] = [];
  for (let i = 0; i < (options.firms ?? 4); i++) firms.push(await addFirm(sql, `firm-${i}`));

  const lockMs = options.settings?.lockMs ?? 3_000;
  const publicBaseUrl = 'https://hooks.example.test';
  const open = async (kind: 'receiver' | 'worker', number: number): Promise<HarnessApp> => {
    const ways = {
      postgres: await startTcpProxy({ port: servers.postgres.port }),
      redis: await startTcpProxy({ port: servers.redis.port }),
    };
    const name = `${kind}-${number}`;
    const app = faultApp({
      name,
      file: files[kind],
      logFile: join(dir, 'logs', `${name}.log`),
      settings: {
        port: await freePort(),
        databaseUrl: ways.postgres.through(databaseUrl),
        redisUrl: ways.redis.through(servers.redis.url),
        passwords: { [kind]: testPasswords[kind] },
        encryptionKey: testEncryptionKey.toString('base64'),
        publicBaseUrl,
        providers: [...providerNames],
        attempts: 4,
        budgetMs: 2_000,
        durability: {},
        spillAgainAfterMs: 4_000,
        lockMs,
        statementTimeoutMs: Math.round(lockMs / 3), // as in production: 10 s and 30 s
        retryScale: 0.01,
        jobVersion: 2,
        dir,
        ...options.settings,
      },
    });
    await app.start();
    return { app, ways };
  };
  const [first, second, third, fourth] = await Promise.all([
    open('receiver', 1),
    open('receiver', 2),
    open('worker', 1),
    open('worker', 2),
  ]);
  const receivers = [first, second];
  const workers = [third, fourth];
  return {
    servers,
    databaseUrl,
    receivers,
    workers,
    firms,
    redis,
    sql,
    dir,
    publicBaseUrl,
    lockMs,
    async stop() {
      await Promise.all([...receivers, ...workers].map(({ app }) => app.kill()));
      await Promise.all(
        [...receivers, ...workers].flatMap(({ ways }) => [ways.postgres.stop(), ways.redis.stop()]),
      );
      redis.disconnect();
      await sql.end();
      if (!options.keepLogs) rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Those who send to the receivers of a harness. */
export const sendersOn = (
  { firms, receivers, publicBaseUrl }: FaultHarness,
  options: Pick<SenderOptions, 'seed'> & Partial<SenderOptions>,
): Senders => new Senders({ firms, receivers: receivers.map(({ app }) => app), publicBaseUrl, ...options });

async function addFirm(sql: pg.Pool, slug: string): Promise<Firm> {
  const key = encryptionKey(testEncryptionKey);
  const { rows } = await sql.query('INSERT INTO firms (slug, name) VALUES ($1, $1) RETURNING id', [slug]);
  const firm = { id: rows[0].id as string, slug, endpoints: {} } as Firm;
  for (const provider of providerNames) {
    const endpoint = {
      id: randomUUID() as string,
      key: randomBytes(11).toString('hex'),
      secret: randomBytes(24).toString('hex'),
    };
    const secretId = randomUUID();
    await sql.query('INSERT INTO webhook_endpoints (id, firm_id, provider, key) VALUES ($1, $2, $3, $4)', [
      endpoint.id,
      firm.id,
      provider,
      endpoint.key,
    ]);
    await sql.query(
      'INSERT INTO webhook_endpoint_secrets (id, endpoint_id, firm_id, key_id, sealed) VALUES ($1, $2, $3, $4, $5)',
      [
        secretId,
        endpoint.id,
        firm.id,
        key.id,
        sealSecret(key, endpoint.secret, secretBinding({ endpointId: endpoint.id, secretId })),
      ],
    );
    firm.endpoints[provider] = endpoint;
  }
  return firm;
}
