import type { FaultRecord, Operation } from '../users/history.ts';
import { isDuring, percentile, recoveryMs } from '../users/outcome.ts';
import { firstIndex } from './fault-windows.ts';
import type { FaultStats, Latency } from './judgement.ts';

export function latencyOf(successes: Operation[]): Latency {
  const times = Float64Array.from(successes, ({ start, end }) => end - start).sort();
  const at = (part: number) => percentile(times, part) ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** How many requests each replica answered. */
export function sharesOf(operations: Operation[]): Record<string, number> {
  const shares: Record<string, number> = {};
  for (const { replica } of operations) if (replica !== null) shares[replica] = (shares[replica] ?? 0) + 1;
  return Object.fromEntries(Object.entries(shares).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })));
}

/**
 * What each fault cost.
 * @param successes in the order in which they ended
 * @param failed the operations that failed, excused or not
 */
export function faultStatsOf(
  operations: Operation[],
  successes: Operation[],
  faults: FaultRecord[],
  failed: Set<Operation>,
): FaultStats[] {
  const byEnd = operations.toSorted((a, b) => a.end - b.end);
  const longest = operations.reduce((longest, { start, end }) => Math.max(longest, end - start), 0);
  return faults.map((fault) => {
    const over = fault.end ?? Infinity;
    const from = firstIndex(byEnd, ({ end }) => end >= fault.start);
    const to = firstIndex(byEnd, ({ end }) => end > over + recoveryMs + longest);
    const during = byEnd.slice(from, to).filter((operation) => isDuring(fault, operation));
    const next = successes[firstIndex(successes, ({ end }) => end >= over)];
    return {
      ...fault,
      requests: during.length,
      failed: during.filter((operation) => failed.has(operation)).length,
      stallMs: stallOf(fault, successes),
      slowestMs: during.reduce((slowest, { start, end }) => Math.max(slowest, end - start), 0),
      recoveryMs: next ? next.end - over : null,
    };
  });
}

/** The longest time between two successes that overlaps the fault. */
function stallOf({ start, end }: FaultRecord, successes: Operation[]): number {
  let longest = 0;
  for (let index = firstIndex(successes, (success) => success.end >= start); index < successes.length; index++) {
    const [before, after] = [successes[index - 1], successes[index] as Operation];
    if (!before) continue;
    if (before.end > (end ?? Infinity)) break;
    longest = Math.max(longest, after.end - before.end);
  }
  return longest;
}
