import type { Operation } from '../history.ts';

/** Milliseconds from request to answer of what succeeded. */
export interface Latency {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

export function latencyOf(operations: Operation[]): Latency {
  const times = operations.filter(({ outcome }) => outcome === 'ok').map(({ start, end }) => end - start);
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** How many requests each replica answered. */
export function sharesOf(operations: Operation[]): Record<string, number> {
  const shares: Record<string, number> = {};
  for (const { replica } of operations) if (replica !== null) shares[replica] = (shares[replica] ?? 0) + 1;
  return Object.fromEntries(Object.entries(shares).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })));
}
