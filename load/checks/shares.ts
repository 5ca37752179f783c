import type { History } from '../history.ts';
import type { Findings } from './findings.ts';

/** So many answers for each replica make it certain that a round robin has come to all of them. */
const enough = 20;

/** Looks for replicas that are there in the end and got none of the work: one that came back, or was added, must. */
export function checkShares({ operations, faults, replicasLeft = [] }: History, findings: Findings): void {
  const over = Math.max(0, ...faults.map(({ end }) => end ?? Infinity));
  const late = operations.filter(({ start, replica }) => start > over && replica !== null);
  if (late.length < enough * replicasLeft.length) return;
  const served = new Set(late.map(({ replica }) => replica));
  for (const name of replicasLeft) {
    if (served.has(name)) continue;
    const words = `${name} answered none of the ${late.length} requests after the last fault`;
    findings.add('no-share', { words, operations: [] });
  }
}
