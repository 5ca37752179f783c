import type { Progress } from '../run/progress.ts';
import { costOf, type Ratios, ratiosOf, type Sample, type Spread, spreadOf } from './spread.ts';

/** A replica to be measured. */
export interface BenchReplica {
  name: string;
  pid: number;
  url: string;
  adminUrl: string;
}

/** How a comparison is measured. */
export interface Bench {
  /** How often both are started again: one process is faster than the next, whatever it runs. */
  rounds: number;
  seconds: number;
  connections: number;
  /** Runs a replica for each entry, with its settings, on one Redis, for as long as `use` takes. */
  withReplicas<T>(
    settings: Record<string, Record<string, string>>,
    use: (replicas: BenchReplica[]) => Promise<T>,
  ): Promise<T>;
  progress: Progress;
  ending: AbortSignal;
}

/** The result for one kind of work. */
export interface Finding {
  work: string;
  subjects: { name: string; perSecond: Spread; cpuMicros: Spread | null }[];
  ratios: Ratios;
  /** What the second costs of the first's throughput, and the limit; fractions. */
  cost: number;
  maxCost: number;
}

export function findingOf(work: string, names: string[], rounds: (readonly [Sample, Sample])[], maxCost: number) {
  const subjects = names.map((name, index) => {
    const samples = rounds.map((round) => round[index] as Sample);
    const cpu = samples.flatMap(({ cpuMicros }) => cpuMicros ?? []);
    const perSecond = spreadOf(samples.map(({ perSecond }) => perSecond));
    return { name, perSecond, cpuMicros: cpu.length > 0 ? spreadOf(cpu) : null };
  });
  const ratios = ratiosOf(rounds);
  return { work, subjects, ratios, cost: costOf(ratios), maxCost } satisfies Finding;
}

export const columns = ['work', 'subject', 'requests per second', 'CPU µs per request', ''];

/** Medians, and in brackets the minimum and the maximum of all rounds. */
export function rowsOf(findings: Finding[]): string[][] {
  return findings.flatMap(({ work, subjects, ratios, ...finding }) => [
    ...subjects.map(({ name, perSecond, cpuMicros }) => [work, name, digits(perSecond, 0), digits(cpuMicros, 0), '']),
    [work, 'second / first', digits(ratios.throughput, 3), digits(ratios.cpu, 3), verdict(finding)],
  ]);
}

function digits(spread: Spread | null, count: number): string {
  if (!spread) return '-';
  const [median, min, max] = [spread.median, spread.min, spread.max].map((value) => value.toFixed(count));
  return `${median} (${min}–${max})`;
}

function verdict({ cost, maxCost }: Pick<Finding, 'cost' | 'maxCost'>): string {
  const percent = (fraction: number) => `${(100 * fraction).toFixed(1)} %`;
  return `costs ${percent(cost)} of the throughput${cost < maxCost ? '' : `: MORE than ${percent(maxCost)}`}`;
}
