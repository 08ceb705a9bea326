import type { QueueStats } from '@semel/queue';
import {
  type ConsoleMetrics,
  type EndpointHealth,
  jobStates,
  type Logger,
  outboxStatuses,
} from '@semel/telemetry';
import type { RowCounts } from './count-rows.js';
import { createRefresher } from './refresher.js';

export interface GaugeOptions {
  metrics: ConsoleMetrics;
  providers: readonly string[];
  readQueue(provider: string): Promise<QueueStats>;
  readRows(): Promise<{ counts: RowCounts; endpoints: readonly EndpointHealth[] }>;
  log: Logger;
}

export interface Gauges {
  start(): void;
  /** Before a scrape. */
  refresh(): Promise<void>;
  stop(): void;
}

const everyMs = 5_000;

/** Keeps the gauges that describe the whole. While a store is away they keep what it said last; `/readyz` says that it is away. */
export function createGauges({ metrics, providers, readQueue, readRows, log }: GaugeOptions): Gauges {
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
  const rows = createRefresher(async () => {
    const { counts, endpoints } = await readRows();
    const { spill, quarantine, outbox } = counts;
    metrics.spillRows(spill);
    metrics.quarantineRows(quarantine);
    for (const status of outboxStatuses) metrics.outboxRows(status, outbox[status]);
    metrics.endpoints(endpoints);
  }, report('postgres'));

  const refresh = async () => void (await Promise.all([queues.refresh(), rows.refresh()]));
  let timer: NodeJS.Timeout | undefined;
  return {
    refresh,
    start() {
      timer = setInterval(refresh, everyMs);
      void refresh();
    },
    stop: () => clearInterval(timer),
  };
}
