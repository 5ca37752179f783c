import type { FaultRecord, Operation } from '../history.ts';
import type { Violation } from './violation.ts';

/** After a fault that may cost requests, serving must be back this soon, and every request answered. */
const recoveryMs = 1000;

/** Requests that did not succeed while a fault lasted during which requests may fail. */
export function countExcused(operations: Operation[], faults: FaultRecord[]): number {
  return operations.filter((operation) => operation.outcome !== 'ok' && isExcused(operation, faults)).length;
}

/** Requests that did not succeed, without such an excuse. */
export function findFailedRequests(operations: Operation[], faults: FaultRecord[]): Violation[] {
  return operations
    .filter((operation) => operation.outcome !== 'ok' && !isExcused(operation, faults))
    .map((operation) => {
      const how = operation.status === null ? `got no answer (${operation.error})` : `was answered ${operation.status}`;
      const words = `${operation.kind} of ${operation.user} ${how} at ${(operation.start / 1000).toFixed(1)} s`;
      return { words, operations: [operation] };
    });
}

/** The longest time between two successes, in milliseconds, but for faults during which requests may fail. */
export function longestStallMs(operations: Operation[], faults: FaultRecord[]): number {
  const ends = operations.filter(({ outcome }) => outcome === 'ok').map(({ end }) => end);
  ends.sort((a, b) => a - b);
  let longest = 0;
  for (const [index, end] of ends.entries()) {
    const before = ends[index - 1];
    if (before !== undefined && !isExcused({ start: before, end }, faults)) longest = Math.max(longest, end - before);
  }
  return longest;
}

function isExcused({ start, end }: { start: number; end: number }, faults: FaultRecord[]): boolean {
  return faults.some((fault) => {
    const over = (fault.end ?? Infinity) + recoveryMs;
    return fault.mayFail && end >= fault.start && start <= over && end <= over;
  });
}
