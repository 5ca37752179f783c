import type { FaultRecord, Operation } from '../users/history.ts';
import { recoveryMs } from '../users/outcome.ts';
import { calm, firstIndex, type Waiting } from './fault-windows.ts';
import type { Findings } from './findings.ts';
import type { FaultStats } from './judgement.ts';

/**
 * Looks for times in which users waited and none got a success, outside a fault's budget. The part before a fault, or more
 * than a second after it, is examined by itself too: nothing excuses it.
 * @param successes in the order in which they ended
 * @returns the longest stall, including those within a bounded fault's budget
 */
export function checkStalls(
  successes: Operation[],
  faults: FaultRecord[],
  waiting: Waiting,
  findings: Findings,
): number {
  let longest = 0;
  for (const [index, after] of successes.entries()) {
    const before = successes[index - 1];
    if (!before || after.end - before.end <= Math.min(longest, calm.stallMs)) continue;
    const around = faults.filter((fault) => fault.start <= after.end && overOf(fault) >= before.end);
    const gap = { from: before.end, to: after.end, limit: limitOf(around) };
    const spans = [gap, ...calmSpansOf(gap, around)].map((span) => {
      return { ...span, stall: waiting.waited(span.from, span.to) };
    });
    for (const { stall, limit } of spans) if (limit < Infinity) longest = Math.max(longest, stall);
    const worst = spans.find(({ stall, limit }) => stall > limit);
    if (!worst) continue;
    const { stall, limit, from } = worst;
    const summary = `no user got a success for ${Math.round(stall)} ms (limit ${limit}) from ${(from / 1000).toFixed(1)} s on`;
    findings.add('stall', { summary, operations: [before, after] });
  }
  return longest;
}

const overOf = ({ end }: FaultRecord) => (end ?? Infinity) + recoveryMs;

interface Span {
  from: number;
  to: number;
  limit: number;
}

/** The parts of a span outside all faults. */
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

/** The budget of the faults together. */
function limitOf(around: FaultRecord[]): number {
  const sum = around.reduce((sum, { impactBudget }) => sum + (impactBudget.stallMs ?? Infinity), 0);
  return Math.max(calm.stallMs, sum);
}

/** Looks for faults after which users waited more than a second although everything was healed. */
export function checkRecovery(faults: FaultStats[], successes: Operation[], waiting: Waiting, findings: Findings) {
  for (const one of faults) {
    const over = endOfAll(one, faults);
    if (over === null || one.requests === 0) continue;
    const next = successes[firstIndex(successes, ({ end }) => end >= over)];
    const took = waiting.waited(over, next?.end ?? Infinity);
    if (next && took <= recoveryMs) continue;
    const what = next ? `no user got a success for ${Math.round(took)} ms` : 'no user got a success again';
    const summary = `${one.fault} was over at ${(over / 1000).toFixed(1)} s: ${what}`;
    findings.add('slow-recovery', { summary, operations: next ? [next] : [] });
  }
}

/** When the last of the faults that overlap this one ended; null if one never did. */
function endOfAll(one: FaultRecord, faults: FaultRecord[]): number | null {
  let over = one.end;
  for (const { start, end } of faults) {
    if (over === null || (start <= over && end === null)) return null;
    if (start <= over && end !== null && end > over) over = end;
  }
  return over;
}
