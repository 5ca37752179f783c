import type { FaultRecord, History, Operation } from '../users/history.ts';
import { recoveryMs } from '../users/outcome.ts';
import { calm, endOf, firstIndex, type Waiting } from './fault-windows.ts';
import type { Findings } from './findings.ts';
import type { FaultStats } from './judgement.ts';

/** The longest stalls. */
export interface Stalls {
  /** Outside of faults, or within the budget of one that may stall no longer than calm does. */
  longestMs: number;
  /** Within the budget of a fault that may stall longer. */
  excusedMs: number;
}

/**
 * Looks for stalls outside a fault's budget. A stall is a time in which some user waited (Waiting.waited) and none got a
 * success: between two successes, before the first one, and after the last one until the end of the run. The part before a
 * fault, or more than a second after it, is examined by itself too: nothing excuses it.
 * @param successes in the order in which they ended
 */
export function checkStalls(
  successes: Operation[],
  { operations, faults }: Pick<History, 'operations' | 'faults'>,
  waiting: Waiting,
  findings: Findings,
): Stalls {
  const longest: Stalls = { longestMs: 0, excusedMs: 0 };
  for (let index = 0; index <= successes.length; index++) {
    const [before, after] = [successes[index - 1], successes[index]];
    const [from, to] = [before?.end ?? 0, after?.end ?? endOf(operations)];
    if (to - from <= Math.min(longest.longestMs, calm.stallMs)) continue;
    const around = faults.filter((fault) => fault.start <= to && overOf(fault) >= from);
    const gap = { from, to, limit: limitOf(around) };
    const spans = [gap, ...calmSpansOf(gap, around)].map((span) => {
      return { ...span, stall: waiting.waited(span.from, span.to) };
    });
    for (const { stall, limit } of spans) {
      const name = limit > calm.stallMs ? 'excusedMs' : 'longestMs';
      longest[name] = Math.max(longest[name], stall);
    }
    const worst = spans.find(({ stall, limit }) => stall > limit);
    if (!worst) continue;
    const until = after ? '' : ', the end of the run';
    const summary = `no user got a success for ${Math.round(worst.stall)} ms (limit ${worst.limit}) from ${(worst.from / 1000).toFixed(1)} s on${until}`;
    findings.add('stall', { summary, operations: [before, after].filter((one) => one !== undefined) });
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
