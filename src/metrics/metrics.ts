import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type Declaration, declared, type MetricKey } from './declared.ts';
import { readProcess } from './process.ts';

type KeyOf<K extends Declaration['kind']> = {
  [Key in MetricKey]: (typeof declared)[Key]['kind'] extends K ? Key : never;
}[MetricKey];

/** Exactly the labels that the metric is declared with. */
export type Labels<K extends MetricKey> = Readonly<Record<(typeof declared)[K]['labels'][number], string>>;

/** The registry of one process: it outlives a reload, so that counters go on. */
export interface Metrics {
  /** By 1 unless said otherwise; never less than 0. */
  add<K extends KeyOf<'counter'>>(key: K, labels: Labels<K>, by?: number): void;
  observe<K extends KeyOf<'histogram'>>(key: K, labels: Labels<K>, seconds: number): void;
  /** All that the gauge shows from now on: what is not among the rows is shown no more. */
  show<K extends KeyOf<'gauge'>>(key: K, rows: Iterable<readonly [labels: Labels<K>, value: number]>): void;
  /** In Prometheus's text form, version 0.0.4. */
  text(): Promise<string>;
}

export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE;

/**
 * Every declared metric, at nothing, of a process that began at a moment by the wall clock (ms). A histogram or a counter
 * without labels shows its zeros from the start.
 */
export function createMetrics(startedAtWallMs: number): Metrics {
  const registry = new Registry();
  const counters = new Map<MetricKey, Counter>();
  const gauges = new Map<MetricKey, Gauge>();
  const histograms = new Map<MetricKey, Histogram>();
  for (const [key, declaration] of Object.entries(declared) as [MetricKey, Declaration][]) {
    const { name, help, labels, buckets = [] } = declaration;
    const shared = { name, help, labelNames: labels, registers: [registry] };
    if (declaration.kind === 'counter') counters.set(key, new Counter(shared));
    else if (declaration.kind === 'gauge') gauges.set(key, new Gauge(shared));
    else histograms.set(key, new Histogram({ ...shared, buckets: [...buckets] }));
  }
  let cpuSeconds = 0;
  const metrics: Metrics = {
    add: (key, labels, by = 1) => counters.get(key)?.inc(labels, by),
    observe: (key, labels, seconds) => histograms.get(key)?.observe(labels, Math.max(0, seconds)),
    show: (key, rows) => {
      const gauge = gauges.get(key);
      gauge?.reset();
      // A gauge without labels is 0 after a reset; one that has nothing to say is absent.
      if (declared[key].labels.length === 0) gauge?.remove();
      for (const [labels, value] of rows) gauge?.set(labels, value);
    },
    text: () => {
      const now = readProcess();
      metrics.show('startTime', [[{}, startedAtWallMs / 1000]]);
      metrics.show('memory', [[{}, now.residentBytes]]);
      metrics.show('openFiles', now.openFiles === null ? [] : [[{}, now.openFiles]]);
      metrics.add('cpu', {}, Math.max(0, now.cpuSeconds - cpuSeconds));
      cpuSeconds = now.cpuSeconds;
      return registry.metrics();
    },
  };
  return metrics;
}
