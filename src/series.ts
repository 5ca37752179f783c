import { Counter, type Histogram, type Registry } from 'prom-client';

// Counters and histograms for what happens at every request. prom-client looks a series up by its labels at each value,
// also behind labels(): with its own, a request cost 2 % more. Here a series is looked up by one key, and prom-client
// reads it when it is asked for metrics.

type Labels = Record<string, string>;

interface Described<T extends string> {
  name: string;
  help: string;
  labelNames: readonly T[];
}

/** A counter's series, each found by a key of the caller's. */
export function createCounts<T extends string>(registry: Registry, { name, help, labelNames }: Described<T>) {
  const series = new Map<string, { labels: Record<T, string>; count: number }>();
  new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, count } of series.values()) this.inc(labels, count);
    },
  });
  return {
    /** @param labelsOf is asked for the labels of a key once */
    add(key: string, labelsOf: () => Record<T, string>): void {
      const found = series.get(key);
      if (found) found.count += 1;
      else series.set(key, { labels: labelsOf(), count: 1 });
    },
    /** Shows a series before anything is counted: of one that begins with 60, Prometheus sees no rise to 60. */
    show(key: string, labels: Record<T, string>): void {
      if (!series.has(key)) series.set(key, { labels, count: 0 });
    },
  };
}

interface Timing {
  labels: Labels;
  /** How many were as long as each bucket at the most and longer than the one before; the last: longer than all. */
  counts: number[];
  sum: number;
}

/** A histogram's series, likewise. */
export function createTimings<T extends string>(
  registry: Registry,
  { name, help, buckets }: Described<T> & { buckets: readonly number[] },
) {
  const series = new Map<string, Timing>();
  const valuesOf = ({ labels, counts, sum }: Timing) => {
    let count = 0;
    const upTo = counts.map((own, at) => {
      count += own;
      return { metricName: `${name}_bucket`, labels: { le: buckets[at] ?? '+Inf', ...labels }, value: count };
    });
    return [
      ...upTo,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  };
  // What a registry asks of a metric.
  const get = async () => ({ name, help, type: 'histogram', values: [...series.values()].flatMap(valuesOf) });
  registry.registerMetric({ name, get } as unknown as Histogram);
  return {
    add(key: string, labelsOf: () => Record<T, string>, seconds: number): void {
      let timing = series.get(key);
      if (!timing) {
        timing = { labels: labelsOf(), counts: Array(buckets.length + 1).fill(0), sum: 0 };
        series.set(key, timing);
      }
      let at = 0;
      while (at < buckets.length && seconds > (buckets[at] as number)) at += 1;
      timing.counts[at] = (timing.counts[at] as number) + 1;
      timing.sum += seconds;
    },
  };
}
