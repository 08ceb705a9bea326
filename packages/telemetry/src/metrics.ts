import type { EndpointHealth } from '@semel/core';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { type App, type Label, type MetricEntry, metricCatalogue } from './catalogue.js';
import { createRecorder } from './create-recorder.js';

type Catalogue = typeof metricCatalogue;
type MetricKey = Exclude<keyof Catalogue, 'providerDuplicate'>;

/** The values of a metric's labels, in the order of the catalogue. */
type LabelValues<Labels extends readonly Label[]> = {
  [Index in keyof Labels]: Labels[Index] extends Label<infer Value> ? Value : never;
};

type Series<Labels extends readonly Label[]> = readonly [...labels: LabelValues<Labels>, value: number];

/**
 * Counters add 1 to a series. Histograms observe seconds, gauges are set. A gauge whose series come and go is given all of
 * them at once; a series that is missing is no longer shown.
 */
type Recorder<Entry extends MetricEntry> = Entry extends { type: 'counter' }
  ? (...labels: LabelValues<Entry['labels']>) => void
  : Entry extends { dynamic: true }
    ? (all: readonly Series<Entry['labels']>[]) => void
    : (...series: Series<Entry['labels']>) => void;

/** A recorder for each metric that any of these apps shows. Calling one that the process does not show throws. */
type Recorders<Shown extends App> = {
  [Key in MetricKey as Extract<Catalogue[Key]['apps'][number], Shown> extends never ? never : Key]: Recorder<
    Catalogue[Key]
  >;
};

export interface Metrics extends Recorders<'receiver' | 'worker'> {
  registry: Registry;
}

/** Gauges that describe the whole system. One process shows them: sums over several processes would multiply them. */
export interface ConsoleMetrics extends Metrics, Recorders<'console'> {
  /** Replaces the gauges of all endpoints. */
  endpoints(all: readonly EndpointHealth[]): void;
}

/** A registry with Semel's metrics and those of the process. Every series of the known providers starts at 0. */
export function createMetrics(app: 'console', providers: readonly string[]): ConsoleMetrics;
export function createMetrics(app: App, providers: readonly string[]): Metrics;
export function createMetrics(app: App, providers: readonly string[]): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { providerDuplicate, ...shared } = metricCatalogue;
  const recorders = Object.fromEntries(
    Object.entries(shared).map(([key, entry]) => [key, createRecorder(entry, { app, providers, registry })]),
  ) as unknown as Recorders<App>;
  const duplicateOf = new Map(
    providers.map((name) => {
      const named = (text: string) => text.replace('<provider>', name);
      const entry = {
        ...providerDuplicate,
        name: named(providerDuplicate.name),
        help: named(providerDuplicate.help),
      };
      return [name, createRecorder(entry, { app, providers, registry })];
    }),
  );
  const metrics: ConsoleMetrics = {
    ...recorders,
    registry,
    duplicate(provider, layer) {
      duplicateOf.get(provider)?.();
      recorders.duplicate(provider, layer);
    },
    endpoints(all) {
      recorders.endpointAcknowledged(
        all.flatMap(({ provider, firm, endpoint, acknowledgedSeconds }) =>
          acknowledgedSeconds === null ? [] : [[provider, firm, endpoint, acknowledgedSeconds] as const],
        ),
      );
      recorders.endpointFailing(
        all.map(({ provider, firm, endpoint, failingSeconds }) => [provider, firm, endpoint, failingSeconds]),
      );
    },
  };
  return metrics;
}
