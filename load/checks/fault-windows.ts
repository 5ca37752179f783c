import type { History, Operation } from '../users/history.ts';

/** The budget without a fault. nginx waits 2 s for a replica, then asks the next one. */
export const calm = { stallMs: 500, answerMs: 3000 };

/** How long users waited. */
export interface Waiting {
  /** How long the users' own process ran within a time, in milliseconds. */
  awake(from: number, to: number): number;
  /** How much of that time a user waited for a response. */
  waited(from: number, to: number): number;
}

export function createWaiting({
  operations,
  eventLoopStalls,
}: Pick<History, 'operations' | 'eventLoopStalls'>): Waiting {
  const byStart = operations.toSorted((a, b) => a.start - b.start);
  const longest = operations.reduce((longest, { start, end }) => Math.max(longest, end - start), 0);
  const awake = (from: number, to: number) => {
    const stalled = eventLoopStalls.reduce(
      (sum, { start, end }) => sum + Math.max(0, Math.min(to, end) - Math.max(from, start)),
      0,
    );
    return to - from - stalled;
  };
  return {
    awake,
    waited(from, to) {
      let sum = 0;
      let until = from;
      const first = firstIndex(byStart, ({ start }) => start >= from - longest);
      for (let index = first; index < byStart.length; index++) {
        const { start, end } = byStart[index] as Operation;
        if (start >= to || until >= to) break;
        const begin = Math.max(start, until);
        const stop = Math.min(end, to);
        if (stop <= begin) continue;
        sum += awake(begin, stop);
        until = stop;
      }
      return sum;
    },
  };
}

/** The index of the first item for which `isReached` is true, as for all later ones; the length of the list if it is for none. */
export function firstIndex<T>(list: readonly T[], isReached: (item: T) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isReached(list[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}
