import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { freePort, testEncryptionKey, testPasswordEnv } from '../../support/servers.js';
import { buildApps } from '../build-apps.js';
import { percentile } from '../percentile.js';
import type { Edit } from '../sabotages.js';
import type { FaultServers } from '../servers.js';
import { startSiegeApp } from './apps.js';
import { type Attack, attacks, type Siege } from './attacks.js';
import { addFirm, publicBaseUrl } from './firms.js';
import { judge, usualBounds } from './judge.js';
import { startQuietFirm } from './quiet-firm.js';

export interface SiegeOptions {
  servers: FaultServers;
  /** 1, or less for a short run. */
  scale: number;
  /** The name of one attack; null: all that a run of this scale has. */
  only: string | null;
  edits?: readonly Edit[];
  keepLogs: boolean;
}

export interface SiegeResult {
  attack: string;
  events: number;
  appliedMs: { p50: number; p99: number; max: number };
  answeredP99Ms: number;
  receiverMib: number;
  workerMib: number;
  restarts: number;
  broken: string[];
}

/** Long: the event ends its worker five times. */
const onlyInFull = ['stuck-handler'];

/** Each attack against a running system, with a second firm beside it; what that firm saw is judged. */
export async function runSiege({
  servers,
  scale,
  only,
  edits = [],
  keepLogs,
}: SiegeOptions): Promise<SiegeResult[]> {
  const chosen = attacks.filter(({ name }) =>
    only === null ? scale === 1 || !onlyInFull.includes(name) : name === only,
  );
  if (chosen.length === 0)
    throw new Error(`there is no attack ${only}: there are ${attacks.map(({ name }) => name).join(', ')}`);
  const dir = mkdtempSync(join(tmpdir(), 'semel-siege-'));
  const files = await buildApps({ name: `siege-${process.pid}`, edits, mains: 'real' });
  const databaseUrl = await servers.newDatabase();
  const sql = new pg.Pool({ connectionString: databaseUrl, max: 3 });
  sql.on('error', () => undefined);
  sql.on('connect', (client) => client.on('error', () => undefined));
  const redis = new Redis(servers.redis.url);
  await redis.flushall();
  const start = async (kind: 'receiver' | 'worker', number: number) => {
    const port = await freePort();
    return startSiegeApp({
      name: `${kind}-${number}`,
      file: files[kind],
      port,
      logFile: join(dir, `${kind}-${number}.log`),
      env: {
        DATABASE_URL: databaseUrl,
        REDIS_URL: servers.redis.url,
        SEMEL_ENCRYPTION_KEY: testEncryptionKey.toString('base64'),
        ...testPasswordEnv,
        SEMEL_DATA_DIR: join(dir, 'data'),
        PUBLIC_BASE_URL: publicBaseUrl,
        SEMEL_HANDLERS: files.handlers,
        SEMEL_ALLOW_PRIVATE_DESTINATIONS: '1',
        LOG_FORMAT: 'json',
        [`${kind.toUpperCase()}_PORT`]: String(port),
      },
    });
  };
  const [receiver, ...workers] = await Promise.all([
    start('receiver', 1),
    start('worker', 1),
    start('worker', 2),
  ]);
  const results: SiegeResult[] = [];
  try {
    for (const attack of chosen) {
      const siege: Siege = {
        receiver,
        attacker: await addFirm(sql, `attacker-${attack.name}`),
        quiet: await addFirm(sql, `quiet-${attack.name}`),
        sql,
        redis,
        scale,
        acknowledged: new Set(),
      };
      await sleep(1_000); // until the receiver knows their endpoints
      const result = await runOne(attack, siege, workers);
      console.error(describeOne(result));
      results.push(result);
    }
  } finally {
    await Promise.all([receiver, ...workers].map((app) => app.stop()));
    redis.disconnect();
    await sql.end();
    if (keepLogs) console.error(`logs: ${dir}`);
    else rmSync(dir, { recursive: true, force: true });
  }
  return results;
}

async function runOne(
  attack: Attack,
  siege: Siege,
  workers: readonly { restarts: number; takePeakMib(): number }[],
) {
  const apps = [siege.receiver, ...workers];
  const before = apps.reduce((sum, app) => sum + app.restarts, 0);
  for (const app of apps) app.takePeakMib();
  const quiet = startQuietFirm(siege.quiet, siege.receiver.port);
  await sleep(2_000);
  const findings = await attack.run(siege);
  await sleep(2_000);
  await quiet.stop();
  const { acknowledged, answeredMs, refused } = quiet.take();
  const lost = await untilNone(() => missing(siege, acknowledged, ['applied', 'stale', 'ignored']));
  const attackerLost = (await missing(siege, [...siege.acknowledged], null)).length;
  const { rows } = await siege.sql.query(
    `SELECT extract(epoch FROM applied_at - received_at) * 1000 AS ms FROM webhook_events
     WHERE firm_id = $1 AND applied_at IS NOT NULL AND webhook_provider <> 'standard'`,
    [siege.quiet.id],
  );
  const appliedMs = rows.map(({ ms }) => Number(ms));
  const observed = {
    appliedMs,
    answeredMs,
    lost: lost.length,
    refused,
    attackerLost,
    receiverMib: siege.receiver.takePeakMib(),
    workerMib: Math.max(...workers.map((worker) => worker.takePeakMib())),
    restarts: apps.reduce((sum, app) => sum + app.restarts, 0) - before,
    findings,
  };
  return {
    attack: attack.name,
    events: acknowledged.length,
    appliedMs: {
      p50: Math.round(percentile(appliedMs, 0.5)),
      p99: Math.round(percentile(appliedMs, 0.99)),
      max: Math.round(Math.max(...appliedMs)),
    },
    answeredP99Ms: Math.round(percentile(answeredMs, 0.99)),
    receiverMib: observed.receiverMib,
    workerMib: observed.workerMib,
    restarts: observed.restarts,
    broken: judge(observed, { ...usualBounds, ...attack.bounds }),
  };
}

/** Keys without a ledger row of such an outcome; with null: that wait nowhere either. */
async function missing(
  { sql, redis }: Siege,
  keys: readonly string[],
  outcomes: readonly string[] | null,
): Promise<string[]> {
  const { rows } = await sql.query(
    `SELECT idempotency_key AS key FROM webhook_events WHERE idempotency_key = ANY ($1) AND ($2::text[] IS NULL OR outcome = ANY ($2))
     UNION SELECT provider || ':' || event_id FROM webhook_spill WHERE $2::text[] IS NULL`,
    [keys, outcomes],
  );
  const found = new Set(rows.map(({ key }) => key as string));
  const left = keys.filter((key) => !found.has(key));
  if (outcomes !== null) return left;
  const jobs = await Promise.all(
    left.map((key) => {
      const [provider, ...id] = key.split(':');
      return redis.exists(`{semel:${provider}}:${provider}:${id.join(':')}`);
    }),
  );
  return left.filter((_, i) => jobs[i] === 0);
}

async function untilNone(read: () => Promise<string[]>): Promise<string[]> {
  const untilMs = performance.now() + 90_000;
  let left = await read();
  while (left.length > 0 && performance.now() < untilMs) {
    await sleep(500);
    left = await read();
  }
  return left;
}

export function describeOne(result: SiegeResult): string {
  const { attack, events, appliedMs, answeredP99Ms, receiverMib, workerMib, restarts, broken } = result;
  const facts = `${events} events of the other firm: applied p50 ${appliedMs.p50}, p99 ${appliedMs.p99}, max ${appliedMs.max} ms; answered p99 ${answeredP99Ms} ms; receiver ${receiverMib} MiB, worker ${workerMib} MiB; ${restarts} restarts`;
  return [
    `${broken.length === 0 ? '✓' : '✗'} ${attack}: ${facts}`,
    ...broken.map((line) => `    ${line}`),
  ].join('\n');
}
