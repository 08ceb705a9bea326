import { randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Provider, toBody } from '@semel/core';
import { encryptionKey, sealSecret, secretBinding } from '@semel/database';
import { providerNamed } from '@semel/providers';
import { jobOptions, openProducerRedis, openQueue } from '@semel/queue';
import { Redis } from 'ioredis';
import pg from 'pg';
import { toEvent } from '../support/create-event.js';
import {
  createTestDatabase,
  makeTemplate,
  testDatabaseEnv,
  testEncryptionKey,
  testPasswordEnv,
  testPasswords,
} from '../support/database.js';
import { startPostgres, startRedis, waitUntil } from '../support/servers.js';
import { signedRequests } from './bodies.js';
import { runLoad, startChild } from './child.js';
import type { LoadResult } from './load.js';
import { perEventTransactions } from './per-event-transactions.js';
import { type Comparison, median, printTable } from './table.js';

const usage = `npm run bench -- [--quick] [--json] [--only P1|P2|P3]

  --quick   shorter rounds, a minute or two; fit for CI, not for publishing
  --json    prints one JSON value instead of the table
  --only    one comparison`;

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (flags.help) {
  console.log(usage);
  process.exit(0);
}

const rounds = 3;
const seconds = flags.quick ? 1 : 8;
const connections = 64;
const say = (line: string) => process.stderr.write(`${line}\n`);
const stripe = providerNamed('stripe') as Provider;

// Both servers are as durable as in production: figures without fsync would be meaningless.
say('Starting PostgreSQL (fsync, synchronous_commit on) and Redis (appendfsync always) …');
const postgres = await startPostgres({ fsync: true });
process.env[testDatabaseEnv.cluster] = postgres.url;
process.env[testDatabaseEnv.template] = await makeTemplate(postgres);
const redis = await startRedis({
  appendonly: true,
  settings: { appendfsync: 'always', 'maxmemory-policy': 'noeviction' },
});
const redisAdmin = new Redis(redis.url);
const key = encryptionKey(testEncryptionKey);
const secret = stripe.newSecret();
const publicBaseUrl = 'http://127.0.0.1';

const results: Comparison[] = [];
try {
  if (wanted('P1') || wanted('P2')) await acceptComparisons();
  if (wanted('P3')) await applyComparisons();
} finally {
  redisAdmin.disconnect();
  await redis.stop();
  await postgres.stop();
}
if (flags.json) console.log(JSON.stringify({ ...machine(), quick: flags.quick, results }));
else printTable(machine(), results);
process.exit(0);

function wanted(name: string): boolean {
  return flags.only === undefined || flags.only.toUpperCase() === name;
}

function machine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    rounds,
    seconds,
    connections,
  };
}

/** A new database with firms, each with an endpoint that has the same secret. */
async function seeded(firms: number) {
  const database = await createTestDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  pool.on('error', () => undefined);
  const made: { firmId: string; endpointId: string; key: string }[] = [];
  for (let i = 0; i < firms; i++) {
    const [firmId, endpointId, secretId] = [randomUUID(), randomUUID(), randomUUID()];
    const endpointKey = `bench${i}`;
    await pool.query('INSERT INTO firms (id, slug, name) VALUES ($1, $2, $2)', [firmId, `bench-${i}`]);
    await pool.query('INSERT INTO webhook_endpoints (id, firm_id, provider, key) VALUES ($1, $2, $3, $4)', [
      endpointId,
      firmId,
      'stripe',
      endpointKey,
    ]);
    await pool.query(
      'INSERT INTO webhook_endpoint_secrets (id, endpoint_id, firm_id, key_id, sealed) VALUES ($1, $2, $3, $4, $5)',
      [
        secretId,
        endpointId,
        firmId,
        key.id,
        sealSecret(key, secret, secretBinding({ endpointId, secretId })),
      ],
    );
    made.push({ firmId, endpointId, key: endpointKey });
  }
  return { database, pool, firms: made };
}

async function acceptComparisons(): Promise<void> {
  const { database, pool, firms } = await seeded(10);
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
    ...testPasswordEnv,
    RECEIVER_PORT: '0',
    PUBLIC_BASE_URL: publicBaseUrl,
    BENCH_SECRET: secret,
  };
  const receiver = await startChild('apps/receiver/dist/main.js', env);
  const floor = await startChild('test/bench/floor-server.ts', env);
  const endpointKeys = firms.map((firm) => firm.key);

  const load = async (url: string, requests: ReturnType<typeof signedRequests>): Promise<LoadResult> => {
    const result = await runLoad({
      url,
      connections,
      seconds,
      requests: requests.map(({ body, ...rest }) => ({ ...rest, body: body.toString('base64') })),
    });
    if (result.notOk > 0)
      throw new Error(`${result.notOk} answers were not 200: the figure would mean nothing`);
    return result;
  };
  const sign = (count: number) =>
    signedRequests(stripe, 'invoice.paid', {
      endpointKeys,
      secret,
      publicBaseUrl,
      count,
    });

  say('Warming up …');
  await load(receiver.ready.address, sign(2_000));
  await load(floor.ready.address, sign(2_000));

  for (const [name, what, target, makeRequests] of [
    ['P1', 'accepted events/s, one receiver', 0.6, () => sign(Math.ceil(seconds * 30_000))],
    ['P2', 'duplicates/s in a retry storm', 0.75, () => sign(1_000)],
  ] as const) {
    if (!wanted(name)) continue;
    const ours: LoadResult[] = [];
    const floors: LoadResult[] = [];
    for (let round = 0; round < rounds; round++) {
      say(`${name} round ${round + 1} of ${rounds} …`);
      const requests = makeRequests();
      if (name === 'P2') {
        // The load starts after the first delivery: only duplicates are measured.
        await load(receiver.ready.address, requests.slice(0, 1_000));
        await load(floor.ready.address, requests.slice(0, 1_000));
      }
      ours.push(await load(receiver.ready.address, requests));
      floors.push(await load(floor.ready.address, requests));
      await redisAdmin.flushall();
    }
    if (name === 'P1' && [...ours, ...floors].some(({ repeated }) => repeated))
      throw new Error('the bodies ran out: prepare more');
    const ourRate = median(ours.map(({ perSecond }) => perSecond));
    const floorRate = median(floors.map(({ perSecond }) => perSecond));
    results.push({
      name,
      what,
      against: 'floor: verify, parse, SET NX',
      ours: ourRate,
      theirs: floorRate,
      target,
      latency: {
        p50Ms: median(ours.map(({ p50Ms }) => p50Ms)),
        p99Ms: median(ours.map(({ p99Ms }) => p99Ms)),
      },
      ratio: median(ours.map(({ perSecond }, i) => perSecond / (floors[i]?.perSecond ?? 1))),
    });
  }
  await receiver.stop();
  await floor.stop();
  await pool.end();
  await database.drop();
}

async function applyComparisons(): Promise<void> {
  const count = flags.quick ? 3_000 : 40_000;
  const drains: number[] = [];
  const singles: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < rounds; round++) {
    say(`P3 round ${round + 1} of ${rounds} …`);
    const events = async () => {
      const harness = await seeded(100);
      const requests = signedRequests(stripe, 'invoice.paid', {
        endpointKeys: ['x'],
        secret,
        publicBaseUrl,
        count,
      });
      return {
        ...harness,
        events: requests.map(({ body }, i) => {
          const firm = harness.firms[i % harness.firms.length];
          return toEvent(
            { provider: stripe, id: firm?.endpointId as string, firmId: firm?.firmId as string },
            { body, channel: null },
            { body: toBody(body) },
          );
        }),
      };
    };
    const enqueue = async (jobs: Awaited<ReturnType<typeof events>>['events']) => {
      await redisAdmin.flushall();
      const producer = openProducerRedis(redis.url, 60_000);
      await waitUntil(() => producer.status === 'ready', { what: 'redis is there' });
      const queue = openQueue(producer, 'stripe');
      for (let i = 0; i < jobs.length; i += 1_000)
        await queue.addBulk(
          jobs
            .slice(i, i + 1_000)
            .map((data, n) => ({ name: data.type, data, opts: jobOptions(data.eventId, 12, i + n) })),
        );
      await queue.close();
      producer.disconnect();
    };

    const mine = await events();
    await enqueue(mine.events);
    const worker = await startChild('apps/worker/dist/main.js', {
      DATABASE_URL: mine.database.url,
      REDIS_URL: redis.url,
      SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
      ...testPasswordEnv,
      WORKER_PORT: '0',
    });
    await waitUntil(
      async () => {
        const { rows } = await mine.pool.query('SELECT count(*)::int AS n FROM webhook_attempts');
        return rows[0].n === count;
      },
      { what: 'all events are applied', timeoutMs: 120_000, intervalMs: 200 },
    );
    await worker.stop();
    // From the first to the last commit, by the database's clock, without the start of the process.
    const { rows } = await mine.pool.query(
      'SELECT count(*)::int AS n, extract(epoch FROM max(applied_at) - min(applied_at))::float AS s FROM finance_stripe_webhook_events',
    );
    ours.push(rows[0].n / rows[0].s);
    await mine.pool.end();
    await mine.database.drop();

    const theirs = await events();
    await enqueue(theirs.events);
    const drain = await startChild('test/bench/noop-worker.ts', {
      REDIS_URL: redis.url,
      BENCH_TOTAL: String(count),
    });
    drains.push((await drain.message<{ perSecond: number }>()).perSecond);
    await drain.stop();
    singles.push(
      await perEventTransactions(
        { databaseUrl: theirs.database.url, passwords: testPasswords },
        theirs.events.slice(0, count / 2),
      ),
    );
    await theirs.pool.end();
    await theirs.database.drop();
  }
  const ratio = (theirs: number[]) => median(ours.map((perSecond, i) => perSecond / (theirs[i] ?? 1)));
  const what = 'applied events/s, one worker, 100 firms';
  results.push({
    name: 'P3a',
    what,
    against: 'BullMQ draining no-op jobs',
    ours: median(ours),
    theirs: median(drains),
    ratio: ratio(drains),
    target: 0.6,
  });
  results.push({
    name: 'P3b',
    what,
    against: 'one transaction per event',
    ours: median(ours),
    theirs: median(singles),
    ratio: ratio(singles),
    target: 3,
  });
}
