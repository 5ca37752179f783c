import { Counter, type Histogram, type Registry } from 'prom-client';

// For what happens at every request. prom-client looks a series up by its labels at each value, also behind labels():
// that cost 2 % of a request. Here values are kept in plain numbers, and prom-client reads them when it is asked.

interface Described<T extends string> {
  name: string;
  help: string;
  labelNames: readonly T[];
}

/** How many values were at most as large as each bound and larger than the one before, and last, larger than all. */
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

  /** Adds all that another has seen. */
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
  // All that a registry asks of a metric: prom-client's own histogram cannot be given counts.
  const get = async () => ({ name, help, type: 'histogram', values: [...read()].flatMap(valuesOf) });
  registry.registerMetric({ name, get } as unknown as Histogram);
}
