import type { FaultRecord, History, Operation } from '../users/history.ts';
import { isFailure, recoveryMs } from '../users/outcome.ts';

/** The budget without a fault. nginx waits 2 s for a replica, then asks the next one. */
export const calm = { stallMs: 500, answerMs: 3000 };

/** How long users waited. */
export interface Waiting {
  /** How long the users' own process ran within a time, in milliseconds. */
  awake(from: number, to: number): number;
  /**
   * How much of that time some user waited: from sending a request to its response, and after a failure to the next request
   * of the same user.
   */
  waited(from: number, to: number): number;
}

export function createWaiting({
  operations,
  eventLoopStalls,
}: Pick<History, 'operations' | 'eventLoopStalls'>): Waiting {
  const waits = waitsOf(operations).toSorted((a, b) => a.start - b.start);
  const longest = waits.reduce((longest, { start, end }) => Math.max(longest, end - start), 0);
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
      const first = firstIndex(waits, ({ start }) => start >= from - longest);
      for (let index = first; index < waits.length; index++) {
        const { start, end } = waits[index] as Wait;
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

interface Wait {
  start: number;
  end: number;
}

function waitsOf(operations: Operation[]): Wait[] {
  if (!operations.some(isFailure)) return operations;
  const over = endOf(operations);
  const byUser = Map.groupBy(operations, ({ session }) => session.slice(0, session.lastIndexOf('.')));
  return [...byUser.values()].flatMap((own) => {
    const starts = own.map(({ start }) => start).sort((a, b) => a - b);
    return own.map((operation): Wait => {
      const { start, end } = operation;
      if (!isFailure(operation)) return operation;
      return { start, end: starts[firstIndex(starts, (next) => next >= end)] ?? over };
    });
  });
}

/** When the last operation ended. */
export function endOf(operations: Operation[]): number {
  return operations.reduce((latest, { end }) => Math.max(latest, end), 0);
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

const cart = ['add', 'remove', 'cart'];
const resourceOf = ({ session, kind }: Operation) => `${session} ${cart.includes(kind) ? 'cart' : 'preference'}`;

/**
 * The operations, without what is no evidence: what a response showed during a fault that may forget changes of unknown outcome, if
 * the same cart or preference had such a change then. That the change itself was acknowledged, or the user known, remains.
 */
export function withoutForgettable({ operations, faults }: Pick<History, 'operations' | 'faults'>): Operation[] {
  const windows = faults.filter(({ impactBudget }) => impactBudget.mayForgetUnknown);
  if (windows.length === 0) return operations;
  const unsure = windows.map((window) => {
    const unknown = operations.filter((one) => one.outcome === 'unknown' && isWithin(one, window));
    return { window, resources: new Set(unknown.map(resourceOf)) };
  });
  return operations.map((operation) => {
    const isForgettable = unsure.some(
      ({ window, resources }) => isWithin(operation, window) && resources.has(resourceOf(operation)),
    );
    if (!operation.observed || !isForgettable) return operation;
    const { observed: _, ...rest } = operation;
    return rest;
  });
}

function isWithin({ start, end }: Operation, window: FaultRecord): boolean {
  return start <= (window.end ?? Infinity) + recoveryMs && end >= window.start;
}
