import { type Repeating, repeat } from '@semel/core';
import type { GaugeValues } from '@semel/database';
import type { QueueStats } from '@semel/queue';
import { type ConsoleMetrics, jobStates, type Logger, outboxStatuses } from '@semel/telemetry';
import { createRefresher } from './refresher.js';

export interface GaugeOptions {
  metrics: ConsoleMetrics;
  providers: readonly string[];
  readQueue(provider: string): Promise<QueueStats>;
  readDatabase(): Promise<GaugeValues>;
  log: Logger;
}

export interface Gauges {
  start(): void;
  /** Reads new values before a scrape. */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

const everyMs = 5_000;

/** Sets the gauges of all processes. While a store is unreachable its gauges keep their last values; `/readyz` reports it. */
export function createGauges({ metrics, providers, readQueue, readDatabase, log }: GaugeOptions): Gauges {
  const report = (store: string) => (err: unknown | null) =>
    err === null ? log.info({ store }, 'gauges.recovered') : log.warn({ err, store }, 'gauges.failed');
  const queues = createRefresher(async () => {
    const nowMs = Date.now();
    const stats = await Promise.all(providers.map(readQueue));
    for (const [index, provider] of providers.entries()) {
      const { jobs, oldestMs } = stats[index] as QueueStats;
      for (const state of jobStates) metrics.queueJobs(provider, state, jobs[state]);
      metrics.oldestJobAgeSeconds(provider, oldestMs === null ? 0 : Math.max(0, (nowMs - oldestMs) / 1_000));
    }
  }, report('redis'));
  const database = createRefresher(async () => {
    const { rows, endpoints } = await readDatabase();
    metrics.spillRows(rows.spill.waiting);
    metrics.quarantineRows(rows.quarantine.open);
    for (const status of outboxStatuses) metrics.outboxRows(status, rows.outbox[status]);
    metrics.endpoints(endpoints);
  }, report('postgres'));

  const refresh = async () => void (await Promise.all([queues.refresh(), database.refresh()]));
  let repeating: Repeating | undefined;
  return {
    refresh,
    start() {
      repeating = repeat(refresh, { firstInMs: 0, everyMs });
    },
    async stop() {
      await repeating?.stop();
    },
  };
}
