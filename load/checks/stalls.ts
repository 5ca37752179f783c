import type { FaultRecord, History, Operation } from '../history.ts';
import { calm, recoveryMs, type Waiting } from './during.ts';
import type { Findings } from './findings.ts';
import type { FaultFigures } from './judgement.ts';

/**
 * Looks for times in which users waited and nobody was answered, that no fault excuses. What of such a time is before a
 * fault, or later than a second after it, is looked at by itself too: nothing excuses that.
 * @returns the longest that there was, those of faults with a bound included
 */
export function checkStalls({ operations, faults }: History, waiting: Waiting, findings: Findings): number {
  let longest = 0;
  for (const [before, after] of gapsOf(operations)) {
    if (after.end - before.end <= Math.min(longest, calm.stallMs)) continue;
    const around = faults.filter((fault) => fault.start <= after.end && overOf(fault) >= before.end);
    const whole = { from: before.end, to: after.end, limit: limitOf(around) };
    const spans = [whole, ...calmSpansOf(whole, around)].map((span) => {
      return { ...span, stall: waiting.waited(span.from, span.to) };
    });
    for (const { stall, limit } of spans) if (limit < Infinity) longest = Math.max(longest, stall);
    const worst = spans.find(({ stall, limit }) => stall > limit);
    if (!worst) continue;
    const { stall, limit, from } = worst;
    const words = `nobody was answered for ${Math.round(stall)} ms (at most ${limit}) from ${(from / 1000).toFixed(1)} s on`;
    findings.add('stall', { words, operations: [before, after] });
  }
  return longest;
}

/** Successes, each with the one that came next. */
function gapsOf(operations: Operation[]): [Operation, Operation][] {
  const done = operations.filter(({ outcome }) => outcome === 'ok').toSorted((a, b) => a.end - b.end);
  return done.slice(1).map((after, index) => [done[index] as Operation, after]);
}

const overOf = ({ end }: FaultRecord) => (end ?? Infinity) + recoveryMs;

interface Span {
  from: number;
  to: number;
  limit: number;
}

/** What of a time is no fault's. */
function calmSpansOf({ from, to }: Span, around: FaultRecord[]): Span[] {
  const spans: Span[] = [];
  let calmFrom = from;
  for (const fault of around.toSorted((a, b) => a.start - b.start)) {
    if (fault.start > calmFrom) spans.push({ from: calmFrom, to: fault.start, limit: calm.stallMs });
    calmFrom = Math.max(calmFrom, overOf(fault));
  }
  if (to > calmFrom) spans.push({ from: calmFrom, to, limit: calm.stallMs });
  return spans;
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
