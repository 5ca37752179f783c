import { Counter, type Histogram, type Registry } from 'prom-client';

// For values that every request records. prom-client looks up a series by its labels for each value, also behind labels():
// that cost 2 % of a request. Here values are plain numbers, and prom-client reads them when it is scraped.

interface Described<T extends string> {
  name: string;
  help: string;
  labelNames: readonly T[];
}

/** Counts values by bucket: at most each bound and above the one before; the last bucket is above all bounds. */
export class Timing {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array(bounds.length + 1).fill(0);
  }

  add(seconds: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] as number)) at += 1;
    counts[at] = (counts[at] as number) + 1;
    this.sum += seconds;
  }

  get count(): number {
    return this.counts.reduce((sum, own) => sum + own);
  }

  /** Adds the values of another. */
  include({ counts, sum }: Timing): void {
    for (const [at, own] of counts.entries()) this.counts[at] = (this.counts[at] as number) + own;
    this.sum += sum;
  }
}

export function registerCounter<T extends string>(
  registry: Registry,
  described: Described<T>,
  read: () => Iterable<{ labels: Record<T, string>; count: number }>,
): void {
  const registers = [registry];
  new Counter({
    ...described,
    registers,
    collect() {
      this.reset();
      for (const { labels, count } of read()) this.inc(labels, count);
    },
  });
}

export function registerHistogram(
  registry: Registry,
  { name, help }: Omit<Described<string>, 'labelNames'>,
  read: () => Iterable<{ labels: Record<string, string | undefined>; timing: Timing }>,
): void {
  const valuesOf = ({ labels, timing }: { labels: Record<string, string | undefined>; timing: Timing }) => {
    let count = 0;
    const buckets = timing.counts.map((own, at) => {
      count += own;
      return { metricName: `${name}_bucket`, labels: { le: timing.bounds[at] ?? '+Inf', ...labels }, value: count };
    });
    const sum = { metricName: `${name}_sum`, labels, value: timing.sum };
    return [...buckets, sum, { metricName: `${name}_count`, labels, value: count }];
  };
  // A registry needs no more of a metric than this: prom-client's own histogram does not accept counts.
  const get = async () => ({ name, help, type: 'histogram', values: [...read()].flatMap(valuesOf) });
  registry.registerMetric({ name, get } as unknown as Histogram);
}
