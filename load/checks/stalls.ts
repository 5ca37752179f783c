import type { FaultRecord, History, Operation } from '../history.ts';
import { calm, recoveryMs, type Waiting } from './during.ts';
import type { Findings } from './findings.ts';
import type { FaultFigures } from './judgement.ts';

/**
 * Looks for times in which users waited and nobody was answered, that no fault excuses.
 * @returns the longest that there was, those of faults with a bound included
 */
export function checkStalls({ operations, faults }: History, waiting: Waiting, findings: Findings): number {
  let longest = 0;
  for (const [before, after] of gapsOf(operations)) {
    if (after.end - before.end <= Math.min(longest, calm.stallMs)) continue;
    const stall = waiting.waited(before.end, after.end);
    const limit = limitOf(faults.filter((fault) => overlaps(fault, before.end, after.end)));
    if (limit < Infinity) longest = Math.max(longest, stall);
    if (stall <= limit) continue;
    const words = `nobody was answered for ${Math.round(stall)} ms (at most ${limit}) from ${(before.end / 1000).toFixed(1)} s on`;
    findings.add('stall', { words, operations: [before, after] });
  }
  return longest;
}

/** Successes, each with the one that came next. */
function gapsOf(operations: Operation[]): [Operation, Operation][] {
  const done = operations.filter(({ outcome }) => outcome === 'ok').toSorted((a, b) => a.end - b.end);
  return done.slice(1).map((after, index) => [done[index] as Operation, after]);
}

function overlaps(fault: FaultRecord, from: number, to: number): boolean {
  return to >= fault.start && from <= (fault.end ?? Infinity) + recoveryMs;
}

/** What the faults may cost together. */
function limitOf(around: FaultRecord[]): number {
  const sum = around.reduce((sum, { mayCost }) => sum + (mayCost.stallMs ?? Infinity), 0);
  return Math.max(calm.stallMs, sum);
}

/** Looks for faults after which users waited for more than a second, with all that was broken whole again. */
export function checkRecovery(figures: FaultFigures[], operations: Operation[], waiting: Waiting, findings: Findings) {
  const done = operations.filter(({ outcome }) => outcome === 'ok');
  for (const one of figures) {
    const over = endOfAll(one, figures);
    if (over === null || one.requests === 0) continue;
    const next = done.reduce<Operation | undefined>((first, operation) => {
      return operation.end >= over && operation.end < (first?.end ?? Infinity) ? operation : first;
    }, undefined);
    const took = waiting.waited(over, next?.end ?? Infinity);
    if (next && took <= recoveryMs) continue;
    const what = next ? `nobody was answered for ${Math.round(took)} ms` : 'nobody was answered any more';
    const words = `${one.fault} was over at ${(over / 1000).toFixed(1)} s: ${what}`;
    findings.add('late-return', { words, operations: next ? [next] : [] });
  }
}

/** When the last of the faults was over that were under way together with this one; null where one never was. */
function endOfAll(one: FaultRecord, faults: FaultRecord[]): number | null {
  let over = one.end;
  for (const { start, end } of faults) {
    if (over === null || (start <= over && end === null)) return null;
    if (start <= over && end !== null && end > over) over = end;
  }
  return over;
}
