/** What one round has measured of one subject. */
export interface Sample {
  perSecond: number;
  /** Processor time of the subject's process for each request; null where the system does not tell. */
  cpuMicros: number | null;
}

export interface Spread {
  least: number;
  median: number;
  most: number;
}

/** What the second subject has of the first, round by round. */
export interface Ratios {
  throughput: Spread;
  cpu: Spread | null;
}

export function spreadOf(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { least: at(0), median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, most: at(sorted.length - 1) };
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
 * What the second subject costs of the first's throughput, as a fraction. A replica that answers as much as it can is held
 * up by its processor alone: so that follows from its processor time, where it is known, because the throughput also
 * depends on what else the machine does.
 */
export function costOf({ throughput, cpu }: Ratios): number {
  return 1 - (cpu ? 1 / cpu.median : throughput.median);
}
