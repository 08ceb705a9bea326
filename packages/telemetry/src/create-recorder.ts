import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type App, durationBuckets, type MetricEntry } from './catalogue.js';

export interface RecorderOptions {
  app: App;
  providers: readonly string[];
  registry: Registry;
}

type Values = readonly (string | number)[];

/** Registers the metric if the app shows it. The returned function takes the label values in order, then the value. */
export function createRecorder(
  entry: MetricEntry,
  { app, providers, registry }: RecorderOptions,
): (...values: never[]) => void {
  if (!entry.apps.includes(app))
    return () => {
      // A bug of the caller: nobody would scrape this series.
      throw new TypeError(`${entry.name} is not a metric of the ${app}`);
    };
  const names = entry.labels.map(({ name }) => name);
  const options = { name: entry.name, help: entry.help, labelNames: names, registers: [registry] };
  // A loop: the receiver calls this several times per delivery.
  const labelsOf = (values: Values) => {
    const labels: Record<string, string> = {};
    for (let i = 0; i < names.length; i++) labels[names[i] as string] = values[i] as string;
    return labels;
  };
  const measureOf = (values: Values) => Number(values[names.length]);
  const initial = listSeries(entry, providers).map(labelsOf);

  if (entry.type === 'counter') {
    const counter = new Counter(options);
    for (const labels of initial) counter.inc(labels, 0);
    return (...values: Values) => counter.inc(labelsOf(values));
  }
  if (entry.type === 'histogram') {
    const histogram = new Histogram({ ...options, buckets: [...durationBuckets] });
    for (const labels of initial) histogram.zero(labels);
    return (...values: Values) => histogram.observe(labelsOf(values), Math.max(0, measureOf(values)));
  }
  const gauge = new Gauge(options);
  if (entry.dynamic)
    return (all: readonly Values[]) => {
      gauge.reset();
      for (const values of all) gauge.set(labelsOf(values), measureOf(values));
    };
  for (const labels of initial) gauge.set(labels, 0);
  return (...values: Values) => gauge.set(labelsOf(values), measureOf(values));
}

/** Every combination of label values that exists from the start. */
const listSeries = ({ labels }: MetricEntry, providers: readonly string[]): string[][] =>
  labels.reduce<string[][]>(
    (all, { name, values }) =>
      all.flatMap((series) => (name === 'provider' ? providers : values).map((value) => [...series, value])),
    [[]],
  );
