import pg from 'pg';
import type { FaultHarness, HarnessApp } from '../faults/fault-harness.js';
import { percentile } from '../faults/percentile.js';
import type { Senders } from '../faults/senders.js';

/** Measurements of one interval of the run. Times in milliseconds, sizes in bytes. */
export interface Sample {
  atMs: number;
  events: number;
  /** Resident memory and used heap of the larger of the two processes. */
  receiverMemory: number;
  receiverHeap: number;
  workerMemory: number;
  workerHeap: number;
  /** Open files and sockets of all four processes. */
  openFiles: number;
  postgresConnections: number;
  redisConnections: number;
  redisMemory: number;
  answerP50Ms: number;
  answerP99Ms: number;
  /** From received to committed. */
  applyP50Ms: number;
  applyP99Ms: number;
  /** Accepted but not yet applied. */
  waiting: number;
}

export interface Sampler {
  take(): Promise<Sample>;
  stop(): Promise<void>;
}

/** Reads the apps' `/metrics`, the stores and the senders; each sample covers the time since the previous one. */
export function openSampler(harness: FaultHarness, senders: Senders): Sampler {
  const beganMs = Date.now();
  const pool = new pg.Pool({ connectionString: harness.databaseUrl, max: 1 });
  let answers = 0;
  let lastAttempt = '0';

  async function take(): Promise<Sample> {
    const [receivers, workers] = await Promise.all([harness.receivers, harness.workers].map(readProcesses));
    const { rows } = await pool.query<Record<string, number> & { last: string }>(
      `SELECT count(*)::int AS n, coalesce(max(a.id), $1)::text AS last,
         coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.created_at - e.received_at)), 0)::float8 AS p50,
         coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM a.created_at - e.received_at)), 0)::float8 AS p99,
         (SELECT count(*)::int FROM pg_stat_activity WHERE usename LIKE 'semel%' AND datname = current_database()) AS connections
       FROM webhook_attempts a
       JOIN webhook_events e ON e.webhook_provider = a.provider AND e.external_event_id = a.event_id
       WHERE a.id > $1`,
      [lastAttempt],
    );
    const found = rows[0] as (typeof rows)[number];
    lastAttempt = found.last;
    const answered = senders.answerMs.slice(answers);
    answers = senders.answerMs.length;
    const info = await harness.redis.info();
    const ofRedis = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
    return {
      atMs: Date.now() - beganMs,
      events: senders.sent.length,
      receiverMemory: most(receivers, 'process_resident_memory_bytes'),
      receiverHeap: most(receivers, 'nodejs_heap_size_used_bytes'),
      workerMemory: most(workers, 'process_resident_memory_bytes'),
      workerHeap: most(workers, 'nodejs_heap_size_used_bytes'),
      openFiles: [...(receivers ?? []), ...(workers ?? [])].reduce(
        (sum, metrics) => sum + (metrics.get('process_open_fds') ?? 0),
        0,
      ),
      postgresConnections: found.connections ?? 0,
      redisConnections: ofRedis('connected_clients'),
      redisMemory: ofRedis('used_memory'),
      answerP50Ms: percentile(answered, 0.5),
      answerP99Ms: percentile(answered, 0.99),
      applyP50Ms: (found.p50 ?? 0) * 1_000,
      applyP99Ms: (found.p99 ?? 0) * 1_000,
      waiting: senders.unresolved,
    };
  }

  return { take, stop: () => pool.end() };
}

type Metrics = ReadonlyMap<string, number>;

const readProcesses = (apps: readonly HarnessApp[]): Promise<Metrics[]> =>
  Promise.all(
    apps.map(async ({ app }) => {
      const text = await (await fetch(`http://127.0.0.1:${app.port}/metrics`)).text();
      return new Map(
        text.split('\n').map((line): [string, number] => {
          const [name = '', value] = line.split(' ');
          return [name, Number(value)];
        }),
      );
    }),
  );

const most = (processes: readonly Metrics[] | undefined, name: string) =>
  Math.max(0, ...(processes ?? []).map((metrics) => metrics.get(name) ?? 0));
