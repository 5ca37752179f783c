import type { FaultRecord, History, Operation } from '../history.ts';

/** After a fault, serving must be back this soon, and what was under way be answered. */
export const recoveryMs = 1000;

/** What may happen where no fault is under way. nginx gives a replica 2 s, and then asks the next. */
export const calm = { stallMs: 500, answerMs: 3000 };

/** An operation belongs to a fault where it ended while that lasted, or so soon afterwards that it may not have recovered. */
export function isDuring(fault: FaultRecord, { start, end }: { start: number; end: number }): boolean {
  const over = (fault.end ?? Infinity) + recoveryMs;
  return end >= fault.start && start <= over && (end <= over || start <= (fault.end ?? Infinity));
}

/** How long users waited. */
export interface Waiting {
  /** How much of a time the users' own process was awake, in milliseconds. */
  awake(from: number, to: number): number;
  /** How much of it, being awake, somebody waited for an answer. */
  waited(from: number, to: number): number;
}

export function createWaiting({ operations, pauses }: Pick<History, 'operations' | 'pauses'>): Waiting {
  const byStart = operations.toSorted((a, b) => a.start - b.start);
  const longest = operations.reduce((longest, { start, end }) => Math.max(longest, end - start), 0);
  const awake = (from: number, to: number) => {
    const asleep = pauses.reduce(
      (sum, { start, end }) => sum + Math.max(0, Math.min(to, end) - Math.max(from, start)),
      0,
    );
    return to - from - asleep;
  };
  return {
    awake,
    waited(from, to) {
      let [sum, until] = [0, from];
      for (let index = indexAt(byStart, from - longest); index < byStart.length; index++) {
        const { start, end } = byStart[index] as Operation;
        if (start >= to || until >= to) break;
        const [begin, stop] = [Math.max(start, until), Math.min(end, to)];
        if (stop <= begin) continue;
        sum += awake(begin, stop);
        until = stop;
      }
      return sum;
    },
  };
}

/** The first that began then or later. */
function indexAt(byStart: Operation[], time: number): number {
  let [low, high] = [0, byStart.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((byStart[middle] as Operation).start < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
