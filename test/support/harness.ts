import type { AckDurability, Provider } from '@semel/core';
import { encryptionKey } from '@semel/database';
import { providers } from '@semel/providers';
import { buildReceiver } from '@semel/receiver';
import { createLogger, type Logger } from '@semel/telemetry';
import { buildWorker, type WorkerOptions } from '@semel/worker';
import type { FastifyInstance } from 'fastify';
import { Redis } from 'ioredis';
import pg from 'pg';
import { createFirmRows } from './firm-rows.js';
import { mainTypeOf } from './main-types.js';
import { createSender } from './sender.js';
import {
  createTestDatabase,
  startRedis,
  type TestRedisOptions,
  type TestServer,
  testEncryptionKey,
  testPasswords,
  waitUntil,
} from './servers.js';

export type { TestEndpoint } from './firm-rows.js';
export { identityOf } from './identity-of.js';
export { changingProviders, mainTypeOf } from './main-types.js';
export type { SendOptions, Sent } from './sender.js';

const key = encryptionKey(testEncryptionKey);
const anyPort = { host: '127.0.0.1', port: 0 };

interface Teardown {
  teardown(end: () => Promise<void>): void;
}

export type HarnessOptions = {
  receivers?: number;
  workers?: number;
  /** Replaces a provider's rule, to let it throw. */
  rule?: (provider: Provider) => Provider;
  attempts?: number;
  /** Where the apps find Redis; a function gets the address of the test's own. */
  redisUrl?: Address;
  /** The same for Postgres. */
  databaseUrl?: Address;
  redis?: TestRedisOptions;
  /** Multiplies the delays between attempts. */
  retryScale?: number;
  concurrency?: number;
  /** Of the receiver, from the last byte of a body to the answer. */
  budgetMs?: number;
  /** What a 200 means. Default: `queue`. */
  durability?: AckDurability;
  backlogLimit?: number;
  /** When the relay checks a spill row of a queued event again. */
  spillAgainAfterMs?: number;
  relay?: Partial<WorkerOptions['relay']>;
  /** How long a worker's lock on a job lasts. */
  lockMs?: number;
  /** Default: it never sweeps. */
  sweep?: Partial<NonNullable<WorkerOptions['sweep']>>;
  /** The workers' credentials for DocuSign. */
  docusign?: NonNullable<WorkerOptions['docusign']>;
  /** The clock that the receivers judge signatures by. */
  now?: () => number;
} & Pick<WorkerOptions, 'handlers' | 'handlerTimeoutMs' | 'outbox'>;

type Address = string | ((own: string) => string | Promise<string>);

/** One app's store addresses, if they differ from the others'. */
export type Stores = { databaseUrl?: string; redisUrl?: string };

const resolveAddress = async (address: Address | undefined, own: string): Promise<string> =>
  typeof address === 'function' ? address(own) : (address ?? own);

/** Postgres, Redis, receivers and workers of one test; the apps run in this process. `sql` queries as a superuser. */
export async function startHarness(t: Teardown, options: HarnessOptions = {}) {
  const database = await createTestDatabase(t);
  const redisServer: TestServer = await startRedis(options.redis);
  const databaseUrl = await resolveAddress(options.databaseUrl, database.url);
  const redisUrl = await resolveAddress(options.redisUrl, redisServer.url);
  const pool = new pg.Pool({ connectionString: database.url, max: 4 });
  pool.on('error', () => undefined);
  const redis = new Redis(redisServer.url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);

  const logs: Record<string, unknown>[] = [];
  const log: Logger = createLogger({
    app: 'test',
    level: 'debug',
    stream: { write: (line: string) => void logs.push(JSON.parse(line)) },
  });
  const used = providers.map(options.rule ?? ((provider) => provider));
  const base = {
    databaseUrl,
    encryptionKey: key,
    redisUrl,
    providers: used,
    deliveryFlushMs: 100,
    log,
  };

  const receivers: FastifyInstance[] = [];
  const urls: string[] = [];
  async function startReceiver(stores: Stores = {}, listen = anyPort): Promise<number> {
    const receiver = await buildReceiver({
      ...base,
      passwords: { receiver: testPasswords.receiver },
      ...stores,
      attemptsOf: () => options.attempts ?? 3,
      publicBaseUrl: 'https://hooks.example.test',
      // A busy machine must not look like an unreachable store; tests of the budget set it.
      budgetMs: options.budgetMs ?? 20_000,
      redisCommandTimeoutMs: (options.budgetMs ?? 20_000) * 0.4,
      durabilityOf: () => options.durability ?? 'queue',
      spillAgainAfterMs: options.spillAgainAfterMs ?? 60_000,
      breaker: { everyMs: 50, highWater: 0.7, backlogLimit: options.backlogLimit ?? 1_000_000 },
      endpointRefreshMs: 100,
      ...(options.now === undefined ? {} : { now: options.now }),
    });
    urls.push(await receiver.listen(listen));
    return receivers.push(receiver) - 1;
  }
  const workers: FastifyInstance[] = [];
  async function startWorker(stores: Stores = {}, listen = anyPort): Promise<FastifyInstance> {
    const worker = buildWorker({
      ...base,
      passwords: { worker: testPasswords.worker },
      ...stores,
      settingsOf: () => ({
        concurrency: options.concurrency ?? 64,
        retryScale: options.retryScale ?? 0.02,
        attempts: options.attempts ?? 3,
      }),
      relay: {
        everyMs: 50,
        againAfterMs: options.spillAgainAfterMs ?? 60_000,
        highWater: 0.7,
        backlogLimit: options.backlogLimit ?? 1_000_000,
        ...options.relay,
      },
      sweep: { everyMs: 3_600_000, ...options.sweep },
      shutdownTimeoutMs: 3_000,
      ...(options.lockMs ? { lockMs: options.lockMs } : {}),
      docusign: options.docusign ?? null,
      ...(options.handlers ? { handlers: options.handlers } : {}),
      ...(options.handlerTimeoutMs ? { handlerTimeoutMs: options.handlerTimeoutMs } : {}),
      outbox: { pollMs: 50, retryScale: 0.02, ...options.outbox },
    });
    await worker.listen(listen);
    workers.push(worker);
    return worker;
  }
  for (let i = 0; i < (options.receivers ?? 1); i++) await startReceiver();
  for (let i = 0; i < (options.workers ?? 1); i++) await startWorker();

  t.teardown(async () => {
    await Promise.allSettled([...receivers, ...workers].map((app) => app.close()));
    redis.disconnect();
    await pool.end();
    await redisServer.stop();
  });

  async function sql<Row = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await pool.query(text, values)).rows as Row[];
  }

  const { addFirm, addEndpoint, addSecret, addDestination } = createFirmRows(sql);
  const { buildBody, send, post } = createSender(urls);

  const attemptsOf = (eventId: string) =>
    sql<{ outcome: string; error: string | null }>(
      'SELECT outcome, error FROM webhook_attempts WHERE event_id = $1 ORDER BY id',
      [eventId],
    );

  /** The outcomes of the event's attempts, oldest first. */
  const outcomesOf = async (eventId: string) => (await attemptsOf(eventId)).map(({ outcome }) => outcome);

  const changesOf = (eventId: string) =>
    sql('SELECT * FROM domain_changes WHERE event_id = $1 ORDER BY id', [eventId]);

  /** Waits until the event's ledger row has this outcome (default: the main type's), and returns the row. */
  const applied = (provider: Provider, eventId: string, outcome: string = mainTypeOf(provider).outcome) =>
    waitUntil(
      async () =>
        (
          await sql(`SELECT * FROM ${provider.ledger.table} WHERE idempotency_key = $1 AND outcome = $2`, [
            `${provider.name}:${eventId}`,
            outcome,
          ])
        )[0],
      { what: `${provider.name} event ${eventId} is ${outcome}` },
    );

  /** The value of a metric's series, summed over the given apps. */
  async function metric(
    series: string,
    apps: readonly FastifyInstance[] = [...receivers, ...workers],
  ): Promise<number> {
    let sum = 0;
    for (const app of apps) {
      const { body } = await app.inject('/metrics');
      const line = body.split('\n').find((candidate) => candidate.startsWith(`${series} `));
      sum += Number(line?.slice(series.length + 1) ?? 0);
    }
    return sum;
  }

  return {
    database,
    redisServer,
    redis,
    receivers,
    workers,
    urls,
    log,
    logs,
    sql,
    addFirm,
    addEndpoint,
    addSecret,
    addDestination,
    buildBody,
    send,
    post,
    applied,
    attemptsOf,
    outcomesOf,
    changesOf,
    metric,
    startReceiver,
    startWorker,
  };
}

export type Harness = Awaited<ReturnType<typeof startHarness>>;
