import type { History } from '../users/history.ts';
import type { Findings } from './findings.ts';

/** With this many responses per replica, a round robin has certainly reached all of them. */
const minResponses = 20;

/** Looks for replicas that exist at the end and served nothing: one that came back or was added must serve. */
export function checkShares({ operations, faults, replicasAtEnd = [] }: History, findings: Findings): void {
  const over = Math.max(0, ...faults.map(({ end }) => end ?? Infinity));
  const late = operations.filter(({ start, replica }) => start > over && replica !== null);
  if (late.length < minResponses * replicasAtEnd.length) return;
  const served = new Set(late.map(({ replica }) => replica));
  for (const name of replicasAtEnd) {
    if (served.has(name)) continue;
    const summary = `${name} answered none of the ${late.length} requests after the last fault`;
    findings.add('idle-replica', { summary, operations: [] });
  }
}
