import type { Read, Write } from './sessions.ts';

/** Two operations that contradict each other, or one that is impossible by itself. */
export interface Contradiction {
  kind: 'lost-write' | 'stale-read' | 'diverging-cart' | 'duplicate' | 'phantom' | 'aborted-write';
  /** The item in question. */
  value: number | string;
  /** The earlier operation, and the one that contradicts it. */
  first: Write | Read | undefined;
  next: Write | Read;
}

/**
 * Decides whether a cart to which items were added, each at most once, is linearizable: whether its adds and reads can have
 * happened one at a time, each at some moment between its start and its end.
 *
 * Such a cart is an append-only list. The longest read gives the order, and every read must be a prefix of it. Append i
 * has the number i, a read of length L has L + ½, an acknowledged append that no read shows comes after everything. An
 * unknown append that no read shows is left out; one that is shown never ends. In order of time, an operation that starts
 * after another with a higher number has ended contradicts it. O(n log n).
 * @returns the first contradiction; undefined if there is none
 */
export function findContradiction(adds: Map<number, Write>, reads: Read[]): Contradiction | undefined {
  const longest = reads.reduce<Read | undefined>(
    (a, b) => (a && a.observed.length >= b.observed.length ? a : b),
    undefined,
  );
  const order = longest?.observed ?? [];
  return (
    findImpossible(adds, reads, order) ?? findDivergence(reads, order, longest) ?? findOutOfOrder(adds, reads, order)
  );
}

/** What no order of operations can explain: an item that is there twice, was never added, or was refused. */
function findImpossible(adds: Map<number, Write>, reads: Read[], order: Read['observed']): Contradiction | undefined {
  for (const next of reads) {
    // A prefix of the longest read shows nothing that the longest does not.
    const isPrefix = next.observed !== order && next.observed.every((value, index) => value === order[index]);
    if (isPrefix) continue;
    const seen = new Set<number | string>();
    for (const value of next.observed) {
      const add = typeof value === 'number' ? adds.get(value) : undefined;
      if (seen.has(value)) return { kind: 'duplicate', value, first: add, next };
      seen.add(value);
      if (!add) return { kind: 'phantom', value, first: undefined, next };
      if (add.outcome === 'fail') return { kind: 'aborted-write', value, first: add, next };
    }
  }
  return undefined;
}

function findDivergence(reads: Read[], order: Read['observed'], longest: Read | undefined): Contradiction | undefined {
  for (const next of reads) {
    const index = next.observed.findIndex((value, index) => value !== order[index]);
    if (index >= 0) return { kind: 'diverging-cart', value: next.observed[index] as number, first: longest, next };
  }
  return undefined;
}

interface Numbered {
  number: number;
  start: number;
  end: number;
  what: Write | Read;
}

function findOutOfOrder(adds: Map<number, Write>, reads: Read[], order: Read['observed']): Contradiction | undefined {
  const place = new Map(order.map((value, index) => [value, index]));
  const numbered: Numbered[] = reads.map((read) => {
    return { number: read.observed.length - 0.5, start: read.start, end: read.end, what: read };
  });
  for (const [value, add] of adds) {
    const index = place.get(value);
    if (index === undefined && add.outcome !== 'ok') continue;
    numbered.push({ number: index ?? order.length, start: add.start, end: add.end, what: add });
  }
  const byStart = numbered.toSorted((a, b) => a.start - b.start);
  const byEnd = numbered.toSorted((a, b) => a.end - b.end);
  let ended = 0;
  let highest: Numbered | undefined;
  for (const then of byStart) {
    // An operation that ends at the moment another starts may have happened after it.
    while (byEnd[ended] && (byEnd[ended] as Numbered).end < then.start) {
      const done = byEnd[ended++] as Numbered;
      if (!highest || done.number > highest.number) highest = done;
    }
    if (highest && highest.number > then.number) return contradictionOf(highest, then, order);
  }
  return undefined;
}

function contradictionOf(highest: Numbered, then: Numbered, order: Read['observed']): Contradiction {
  const isUnseen = highest.number === order.length;
  const value = 'value' in highest.what ? highest.what.value : (order[Math.floor(highest.number)] ?? 0);
  return { kind: isUnseen ? 'lost-write' : 'stale-read', value, first: highest.what, next: then.what };
}
