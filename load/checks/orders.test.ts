import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Kind, Operation, Outcome } from '../users/history.ts';
import { checkCart } from './cart.ts';
import { createFindings } from './findings.ts';
import { checkPreference } from './preference.ts';
import { sessionsOf } from './sessions.ts';

// The checks against brute force: it tries every order in which the operations of a small history can have occurred.

interface Step {
  start: number;
  end: number;
  mayBeLeftOut: boolean;
  /** The state afterwards; undefined if it cannot have happened here. */
  apply(state: number[]): number[] | undefined;
}

function isLinearizable(steps: Step[]): boolean {
  const go = (left: Step[], state: number[]): boolean => {
    if (left.every(({ mayBeLeftOut }) => mayBeLeftOut)) return true;
    const earliestEnd = Math.min(...left.map(({ end }) => end));
    return left.some((step) => {
      const after = step.start <= earliestEnd ? step.apply(state) : undefined;
      return (
        after !== undefined &&
        go(
          left.filter((other) => other !== step),
          after,
        )
      );
    });
  };
  return go(steps, []);
}

const same = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((one, index) => one === b[index]);

const effects: Partial<Record<Kind, (state: number[], value: number) => number[]>> = {
  add: (state, value) => [...state, value],
  remove: (state, value) => state.filter((one) => one !== value),
  prefer: (_, value) => [value],
};

function stepsOf(operations: Operation[]): Step[] {
  return operations.flatMap(({ kind, value = 0, outcome, start, end, observed }) => {
    const effect = effects[kind];
    if (outcome === 'fail') return [];
    const apply = effect
      ? (state: number[]) => effect(state, value)
      : (state: number[]) => (same(state, observed ?? []) ? state : undefined);
    return { start, end: outcome === 'ok' ? end : Infinity, mayBeLeftOut: outcome === 'unknown', apply };
  });
}

let ids = 0;
function operation(kind: Kind, start: number, length: number, more: Partial<Operation>): Operation {
  ids += 1;
  const base = { id: ids, session: 'user-0001.1', kind, start, end: start + length, status: 200, replica: 'replica-1' };
  return { ...base, outcome: 'ok', ...more };
}

const outcomes = fc.constantFrom<Outcome>('ok', 'ok', 'ok', 'unknown', 'fail');
const write = fc.record({
  start: fc.nat(12),
  length: fc.nat(6),
  outcome: outcomes,
  later: fc.nat(3),
  removed: fc.option(outcomes),
});
const read = fc.record({
  start: fc.nat(16),
  length: fc.nat(5),
  picks: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
  one: fc.nat(3),
});
const drawn = fc.record({
  writes: fc.array(write, { maxLength: 3 }),
  reads: fc.array(read, { maxLength: 4 }),
  order: fc.shuffledSubarray([1, 2, 3], { minLength: 3 }),
});
type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

function preferences({ writes, reads }: Drawn): Operation[] {
  return [
    ...writes.map(({ start, length, outcome }, index) =>
      operation('prefer', start, length, { outcome, value: index + 1 }),
    ),
    ...reads.map(({ start, length, one }) =>
      operation('preferences', start, length, { observed: one === 0 ? [] : [one] }),
    ),
  ];
}

const cart =
  (isTidy: boolean) =>
  ({ writes, reads, order }: Drawn): Operation[] => [
    ...writes.flatMap(({ start, length, outcome, later, removed }, index) => {
      const add = operation('add', start, length, { outcome, value: index + 1 });
      if (!isTidy || removed === null || outcome !== 'ok') return add;
      return [add, operation('remove', start + length + 1 + later, later, { outcome: removed, value: index + 1 })];
    }),
    ...reads.map(({ start, length, picks }) => {
      return operation('cart', start, length, {
        observed: order.filter((value, index) => value <= writes.length && picks[index]),
      });
    }),
  ];

/** Counts: brute force and the check both reject; only brute force rejects; brute force accepts. */
function compare(make: (drawn: Drawn) => Operation[], check: typeof checkCart) {
  const counts = { found: 0, missed: 0, right: 0 };
  fc.assert(
    fc.property(drawn, (choices) => {
      const operations = make(choices);
      const findings = createFindings({ store: 'durable', faults: [], operations });
      for (const session of sessionsOf(operations)) check(session, findings);
      const isRight = isLinearizable(stepsOf(operations));
      // Never a false alarm.
      if (isRight) expect(findings.total).toBe(0);
      counts[isRight ? 'right' : findings.total > 0 ? 'found' : 'missed'] += 1;
    }),
    { numRuns: 10_000 },
  );
  expect(counts.right).toBeGreaterThan(1000);
  expect(counts.found).toBeGreaterThan(1000);
  return counts.missed / (counts.missed + counts.found);
}

test('preferences: finds exactly what is not linearizable', () => {
  expect(compare(preferences, checkPreference)).toBe(0);
});

test('carts: finds exactly what is not linearizable', () => {
  expect(compare(cart(false), checkCart)).toBe(0);
});

test('carts with removals: no false alarm, and nearly everything that is not linearizable', () => {
  expect(compare(cart(true), checkCart)).toBeLessThan(0.1);
});
