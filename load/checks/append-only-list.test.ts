import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Operation } from '../users/history.ts';
import { findContradiction } from './append-only-list.ts';
import type { Read, Write } from './sessions.ts';

const nothing = {} as Operation;

function add(value: number, start: number, end: number, outcome: Operation['outcome'] = 'ok'): Write {
  return { value, start, end: outcome === 'ok' ? end : Infinity, outcome, operation: nothing };
}

function read(observed: (number | string)[], start: number, end: number): Read {
  return { observed, start, end, operation: nothing };
}

function check(adds: Write[], reads: Read[]) {
  return findContradiction(new Map(adds.map((write) => [write.value, write])), reads);
}

describe('a linearizable cart', () => {
  test.each([
    ['nothing', [], []],
    ['adds and a read', [add(1, 0, 1), add(2, 2, 3)], [read([1, 2], 4, 5)]],
    ['adds at the same time, in either order', [add(1, 0, 9), add(2, 0, 9)], [read([2, 1], 10, 11)]],
    ['an unknown add that was done late', [add(1, 0, 1, 'unknown')], [read([], 5, 6), read([1], 7, 8)]],
    ['an unknown add that was never done', [add(1, 0, 1, 'unknown')], [read([], 5, 6)]],
    ['a read during an add', [add(1, 0, 9)], [read([], 3, 4), read([1], 5, 6)]],
    ['an add without any later read', [add(1, 0, 1)], []],
  ])('%s', (_, adds, reads) => {
    expect(check(adds, reads)).toBeUndefined();
  });
});

describe('a cart that is not linearizable', () => {
  test.each([
    ['lost-write', [add(1, 0, 1)], [read([], 2, 3)]],
    ['lost-write', [add(1, 0, 1), add(2, 2, 3)], [read([1], 4, 5)]],
    ['stale-read', [add(1, 0, 1), add(2, 2, 3)], [read([1], 4, 5), read([1, 2], 6, 7)]],
    ['stale-read', [add(1, 0, 9, 'unknown')], [read([1], 2, 3), read([], 4, 5)]],
    ['diverging-cart', [add(1, 0, 9), add(2, 0, 9)], [read([1], 10, 11), read([2], 12, 13), read([1, 3], 14, 15)]],
    ['duplicate', [add(1, 0, 1)], [read([1, 1], 2, 3)]],
    ['phantom', [add(1, 0, 1)], [read([1, 7], 2, 3)]],
    ['phantom', [], [read(['user-0002.1.7'], 2, 3)]],
    ['aborted-write', [add(1, 0, 1, 'fail')], [read([1], 2, 3)]],
    ['stale-read', [add(1, 5, 6)], [read([1], 2, 3)]],
    ['stale-read', [add(1, 0, 1), add(2, 2, 3)], [read([2, 1], 4, 5)]],
  ] as const)('%s', (kind, adds, reads) => {
    const given = kind === 'diverging-cart' ? [...adds, add(3, 0, 9)] : [...adds];
    expect(check(given, [...reads])?.kind).toBe(kind);
  });

  test('names the contradicting operations', () => {
    const [lost, empty] = [add(1, 0, 1), read([], 2, 3)];
    expect(check([lost], [empty])).toEqual({ kind: 'lost-write', value: 1, first: lost, next: empty });
  });
});

// Brute force: tries every order in which the operations can have happened, one at a time.
function isLinearizable(adds: Write[], reads: Read[]): boolean {
  const operations = [...adds.filter(({ outcome }) => outcome !== 'fail'), ...reads];
  const mayBeLeftOut = (operation: Write | Read) => 'value' in operation && operation.outcome === 'unknown';
  const go = (left: (Write | Read)[], cart: number[]): boolean => {
    if (left.every(mayBeLeftOut)) return true;
    const earliestEnd = Math.min(...left.map(({ end }) => end));
    return left.some((next) => {
      if (next.start > earliestEnd) return false;
      const rest = left.filter((other) => other !== next);
      if ('value' in next) return go(rest, [...cart, next.value]);
      const isSame =
        next.observed.length === cart.length && next.observed.every((value, index) => value === cart[index]);
      return isSame && go(rest, cart);
    });
  };
  return go(operations, []);
}

/** Small histories, half of them nearly correct: reads of carts that the adds could have made. */
const histories = fc
  .record({
    adds: fc.array(
      fc.record({
        start: fc.nat(12),
        length: fc.nat(6),
        outcome: fc.constantFrom<Operation['outcome']>('ok', 'ok', 'ok', 'unknown', 'fail'),
      }),
      { maxLength: 4 },
    ),
    reads: fc.array(
      fc.record({
        start: fc.nat(14),
        length: fc.nat(5),
        observed: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }),
        cut: fc.nat(4),
        tidy: fc.boolean(),
      }),
      { maxLength: 4 },
    ),
    order: fc.shuffledSubarray([1, 2, 3, 4], { minLength: 4 }),
  })
  .map(({ adds, reads, order }) => {
    const writes = adds.map(({ start, length, outcome }, index) => add(index + 1, start, start + length, outcome));
    const possible = order.filter((value) => value <= writes.length);
    return {
      writes,
      views: reads.map(({ start, length, observed, cut, tidy }) =>
        read(tidy ? possible.slice(0, cut) : observed, start, start + length),
      ),
    };
  });

test('agrees with brute force on random small histories', () => {
  let wrong = 0;
  fc.assert(
    fc.property(histories, ({ writes, views }) => {
      const expected = isLinearizable(writes, views);
      if (!expected) wrong += 1;
      expect(check(writes, views) === undefined).toBe(expected);
    }),
    { numRuns: 20_000 },
  );
  // Neither all are linearizable nor none: each half was tested.
  expect(wrong).toBeGreaterThan(2000);
  expect(wrong).toBeLessThan(18_000);
});
