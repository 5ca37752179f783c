import type { Live } from '../live.ts';
import { costOf, type Ratios, ratiosOf, type Sample, type Spread, spreadOf } from './figures.ts';

/** How a comparison is measured. */
export interface Bench {
  /** How often both are started anew: one process is faster than the next, whatever it runs. */
  rounds: number;
  seconds: number;
  connections: number;
  env: NodeJS.ProcessEnv;
  live: Live;
  ending: AbortSignal;
}

/** What one kind of work has shown. */
export interface Finding {
  work: string;
  subjects: { name: string; perSecond: Spread; cpuMicros: Spread | null }[];
  ratios: Ratios;
  /** What the second costs of the first's throughput, and may cost; fractions. */
  cost: number;
  mayCost: number;
}

export function findingOf(work: string, names: string[], rounds: (readonly [Sample, Sample])[], mayCost: number) {
  const subjects = names.map((name, index) => {
    const samples = rounds.map((round) => round[index] as Sample);
    const cpu = samples.flatMap(({ cpuMicros }) => cpuMicros ?? []);
    const perSecond = spreadOf(samples.map(({ perSecond }) => perSecond));
    return { name, perSecond, cpuMicros: cpu.length > 0 ? spreadOf(cpu) : null };
  });
  const ratios = ratiosOf(rounds);
  return { work, subjects, ratios, cost: costOf(ratios), mayCost } satisfies Finding;
}

export const columns = ['work', 'subject', 'requests a second', 'processor µs a request', ''];

/** Medians, and in brackets the least and the most of all rounds. */
export function rowsOf(findings: Finding[]): string[][] {
  return findings.flatMap(({ work, subjects, ratios, ...finding }) => [
    ...subjects.map(({ name, perSecond, cpuMicros }) => [work, name, digits(perSecond, 0), digits(cpuMicros, 0), '']),
    [work, 'second / first', digits(ratios.throughput, 3), digits(ratios.cpu, 3), verdict(finding)],
  ]);
}

function digits(spread: Spread | null, count: number): string {
  if (!spread) return '-';
  const [median, least, most] = [spread.median, spread.least, spread.most].map((value) => value.toFixed(count));
  return `${median} (${least}–${most})`;
}

function verdict({ cost, mayCost }: Pick<Finding, 'cost' | 'mayCost'>): string {
  const percent = (fraction: number) => `${(100 * fraction).toFixed(1)} %`;
  return `costs ${percent(cost)} of the throughput${cost < mayCost ? '' : `: MORE than ${percent(mayCost)}`}`;
}
