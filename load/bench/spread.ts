/** What one round measured of one subject. */
export interface Sample {
  perSecond: number;
  /** CPU time of the subject's process per request; null if the system does not report it. */
  cpuMicros: number | null;
}

export interface Spread {
  min: number;
  median: number;
  max: number;
}

/** The second subject relative to the first, round by round. */
export interface Ratios {
  throughput: Spread;
  cpu: Spread | null;
}

export function spreadOf(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { min: at(0), median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, max: at(sorted.length - 1) };
}

/** Compares the two samples of each round. */
export function ratiosOf(rounds: (readonly [Sample, Sample])[]): Ratios {
  const cpu = rounds.flatMap(([{ cpuMicros: base }, { cpuMicros: mine }]) => (base && mine ? mine / base : []));
  return {
    throughput: spreadOf(rounds.map(([base, mine]) => mine.perSecond / base.perSecond)),
    cpu: cpu.length > 0 ? spreadOf(cpu) : null,
  };
}

/**
 * What the second subject costs of the first's throughput, as a fraction. A saturated replica is limited by its CPU alone,
 * so the cost follows from its CPU time if that is known: the throughput also depends on what else the machine does.
 */
export function costOf({ throughput, cpu }: Ratios): number {
  return 1 - (cpu ? 1 / cpu.median : throughput.median);
}

/** The median, and in brackets the minimum and the maximum. */
export function formatSpread(spread: Spread | null, digits = 0): string {
  if (!spread) return '-';
  const [median, min, max] = [spread.median, spread.min, spread.max].map((value) => value.toFixed(digits));
  return `${median} (${min}–${max})`;
}
