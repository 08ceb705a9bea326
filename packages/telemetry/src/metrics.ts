import type { AcceptOutcome, ApplyOutcome } from '@semel/core';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import {
  type App,
  type DeliveryOutcome,
  type DuplicateLayer,
  durationBuckets,
  type JobCountState,
  type MetricEntry,
  metricCatalogue,
  type OutboxStatus,
  type RelayResult,
  type SweptResult,
} from './catalogue.js';

export interface Metrics {
  /** Counts a duplicate once, in `<provider>_webhook_duplicate` and in `webhook_duplicate_total`. */
  duplicate(provider: string, layer: DuplicateLayer): void;
  received(provider: string, outcome: AcceptOutcome): void;
  applied(provider: string, outcome: ApplyOutcome): void;
  recordFailed(provider: string): void;
  /** In the receiver alone. */
  ackDegraded(provider: string): void;
  /** In the worker alone. */
  relayed(provider: string, result: RelayResult): void;
  /** In the worker alone. */
  swept(provider: string, result: SweptResult): void;
  /** In the receiver alone. */
  acceptSeconds(provider: string, seconds: number): void;
  /** In the worker alone. */
  applySeconds(provider: string, seconds: number): void;
  /** In the worker alone. */
  endToEndSeconds(provider: string, seconds: number): void;
  /** In the worker alone. */
  outboxDelivered(outcome: DeliveryOutcome): void;
  /** In the worker alone. */
  outboxSeconds(seconds: number): void;
  registry: Registry;
}

/** Gauges that describe the whole: from one process, else every sum over processes would multiply them. */
export interface ConsoleMetrics extends Metrics {
  queueJobs(provider: string, state: JobCountState, jobs: number): void;
  oldestJobAgeSeconds(provider: string, seconds: number): void;
  spillRows(rows: number): void;
  quarantineRows(rows: number): void;
  outboxRows(status: OutboxStatus, rows: number): void;
  /** All endpoints that there are: those that are not among them are not shown any more. */
  endpoints(all: readonly EndpointHealth[]): void;
}

/** How an endpoint's deliveries were answered lately. Seconds since 1970, and seconds. */
export interface EndpointHealth {
  provider: string;
  /** Its key. */
  endpoint: string;
  /** Its firm's slug; empty for the platform. */
  firm: string;
  /** null: never. */
  acknowledgedSeconds: number | null;
  failingSeconds: number;
}

/** A registry of its own with Semel's metrics and the process's; every series of the known providers starts at 0. */
export function createMetrics(app: 'console', providers: readonly string[]): ConsoleMetrics;
export function createMetrics(app: App, providers: readonly string[]): Metrics;
export function createMetrics(app: App, providers: readonly string[]): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  const shows = (entry: MetricEntry) => entry.apps.includes(app);
  const options = (entry: MetricEntry) => ({
    name: entry.name,
    help: entry.help,
    labelNames: Object.keys(entry.labels),
    registers: [registry],
  });
  const counter = (entry: MetricEntry) => {
    if (!shows(entry)) return refuse(entry, app);
    const made = new Counter(options(entry));
    for (const labels of series(entry, providers)) made.inc(labels, 0);
    return (labels: Record<string, string>) => made.inc(labels);
  };
  const histogram = (entry: MetricEntry) => {
    if (!shows(entry)) return refuse(entry, app);
    const made = new Histogram({ ...options(entry), buckets: [...durationBuckets] });
    for (const labels of series(entry, providers)) made.zero(labels);
    return (labels: Record<string, string>, seconds: number) => made.observe(labels, Math.max(0, seconds));
  };
  const gauge = (entry: MetricEntry) => {
    if (!shows(entry)) return refuse(entry, app);
    const made = new Gauge(options(entry));
    for (const labels of series(entry, providers)) made.set(labels, 0);
    return (labels: Record<string, string>, value: number) => made.set(labels, value);
  };

  /** A gauge whose series are replaced as a whole. */
  const gauges = (entry: MetricEntry) => {
    if (!shows(entry)) return refuse(entry, app);
    const made = new Gauge(options(entry));
    return (all: readonly (readonly [labels: Record<string, string>, value: number])[]) => {
      made.reset();
      for (const [labels, value] of all) made.set(labels, value);
    };
  };

  const perProvider = new Map(
    providers.map((name) => {
      const { help, ...entry } = metricCatalogue.providerDuplicate;
      const named = { ...entry, name: entry.name.replace('<provider>', name) };
      return [name, counter({ ...named, help: help.replace('<provider>', name) })];
    }),
  );
  const duplicate = counter(metricCatalogue.duplicate);
  const received = counter(metricCatalogue.received);
  const applied = counter(metricCatalogue.applied);
  const recordFailed = counter(metricCatalogue.recordFailed);
  const ackDegraded = counter(metricCatalogue.ackDegraded);
  const relayed = counter(metricCatalogue.relayed);
  const swept = counter(metricCatalogue.swept);
  const acceptSeconds = histogram(metricCatalogue.acceptSeconds);
  const applySeconds = histogram(metricCatalogue.applySeconds);
  const endToEndSeconds = histogram(metricCatalogue.endToEndSeconds);
  const outboxDelivered = counter(metricCatalogue.outboxDelivered);
  const outboxSeconds = histogram(metricCatalogue.outboxSeconds);
  const queueJobs = gauge(metricCatalogue.queueJobs);
  const oldestJobAge = gauge(metricCatalogue.oldestJobAgeSeconds);
  const spillRows = gauge(metricCatalogue.spillRows);
  const quarantineRows = gauge(metricCatalogue.quarantineRows);
  const outboxRows = gauge(metricCatalogue.outboxRows);
  const endpointAcknowledged = gauges(metricCatalogue.endpointAcknowledged);
  const endpointFailing = gauges(metricCatalogue.endpointFailing);

  const metrics: ConsoleMetrics = {
    registry,
    duplicate(provider, layer) {
      perProvider.get(provider)?.({});
      duplicate({ provider, layer });
    },
    received: (provider, outcome) => received({ provider, outcome }),
    applied: (provider, outcome) => applied({ provider, outcome }),
    recordFailed: (provider) => recordFailed({ provider }),
    ackDegraded: (provider) => ackDegraded({ provider }),
    relayed: (provider, result) => relayed({ provider, result }),
    swept: (provider, result) => swept({ provider, result }),
    acceptSeconds: (provider, seconds) => acceptSeconds({ provider }, seconds),
    applySeconds: (provider, seconds) => applySeconds({ provider }, seconds),
    endToEndSeconds: (provider, seconds) => endToEndSeconds({ provider }, seconds),
    outboxDelivered: (outcome) => outboxDelivered({ outcome }),
    outboxSeconds: (seconds) => outboxSeconds({}, seconds),
    queueJobs: (provider, state, jobs) => queueJobs({ provider, state }, jobs),
    oldestJobAgeSeconds: (provider, seconds) => oldestJobAge({ provider }, seconds),
    spillRows: (rows) => spillRows({}, rows),
    quarantineRows: (rows) => quarantineRows({}, rows),
    outboxRows: (status, rows) => outboxRows({ status }, rows),
    endpoints(all) {
      const labels = ({ provider, firm, endpoint }: EndpointHealth) => ({ provider, firm, endpoint });
      endpointAcknowledged(
        all.flatMap((each) =>
          each.acknowledgedSeconds === null ? [] : [[labels(each), each.acknowledgedSeconds] as const],
        ),
      );
      endpointFailing(all.map((each) => [labels(each), each.failingSeconds] as const));
    },
  };
  return metrics;
}

/** A mistake of the caller's, not of the world: a series that no one scrapes must not be fed in silence. */
const refuse = (entry: MetricEntry, app: App) => (): never => {
  throw new TypeError(`${entry.name} is not a metric of the ${app}`);
};

/** Every combination of label values that exists from the start. */
function series(entry: MetricEntry, providers: readonly string[]): Record<string, string>[] {
  return Object.entries(entry.labels).reduce<Record<string, string>[]>(
    (all, [label, values]) =>
      all.flatMap((labels) =>
        (label === 'provider' ? providers : values).map((value) => ({ ...labels, [label]: value })),
      ),
    [{}],
  );
}
