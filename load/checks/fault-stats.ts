import type { FaultRecord, Operation } from '../history.ts';
import { isDuring } from './during.ts';
import type { FaultFigures, Latency } from './judgement.ts';

export function latencyOf(operations: Operation[]): Latency {
  const done = operations.filter(({ outcome }) => outcome === 'ok');
  const times = Float64Array.from(done, ({ start, end }) => end - start).sort();
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** How many requests each replica answered. */
export function sharesOf(operations: Operation[]): Record<string, number> {
  const shares: Record<string, number> = {};
  for (const { replica } of operations) if (replica !== null) shares[replica] = (shares[replica] ?? 0) + 1;
  return Object.fromEntries(Object.entries(shares).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })));
}

/** What each fault cost. @param failed the operations that failed, with an excuse or without */
export function figuresOf(operations: Operation[], faults: FaultRecord[], failed: Set<Operation>): FaultFigures[] {
  const ends = Float64Array.from(
    operations.filter(({ outcome }) => outcome === 'ok'),
    ({ end }) => end,
  ).sort();
  return faults.map((fault) => {
    const during = operations.filter((operation) => operation.end >= fault.start && isDuring(fault, operation));
    const next = fault.end === null ? undefined : ends.find((end) => end >= (fault.end as number));
    return {
      ...fault,
      requests: during.length,
      failed: during.filter((operation) => failed.has(operation)).length,
      stallMs: stallOf(fault, ends),
      slowestMs: during.reduce((slowest, { start, end }) => Math.max(slowest, end - start), 0),
      recoveryMs: next === undefined ? null : next - (fault.end as number),
    };
  });
}

/** The longest time between two successes, of which the fault had a part. */
function stallOf({ start, end }: FaultRecord, ends: Float64Array): number {
  let longest = 0;
  for (let index = 1; index < ends.length; index++) {
    const [before, after] = [ends[index - 1] as number, ends[index] as number];
    if (before > (end ?? Infinity)) break;
    if (after >= start) longest = Math.max(longest, after - before);
  }
  return longest;
}
