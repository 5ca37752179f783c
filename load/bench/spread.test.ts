import { describe, expect, test } from 'vitest';
import { findingOf, rowsOf } from './pairs.ts';
import { costOf, ratiosOf, type Sample, spreadOf } from './spread.ts';

const sample = (perSecond: number, cpuMicros: number | null = null): Sample => ({ perSecond, cpuMicros });

describe('a spread', () => {
  test.each([
    [[3], { min: 3, median: 3, max: 3 }],
    [[10, 2, 9], { min: 2, median: 9, max: 10 }],
    [[4, 1, 3, 2], { min: 1, median: 2.5, max: 4 }],
  ])('of %j', (values, spread) => expect(spreadOf(values)).toEqual(spread));
});

test('rounds are compared pairwise, so a slowdown of both does not matter', () => {
  const rounds = [1, 2, 4].map((slow) => [sample(1000 / slow, 100 * slow), sample(990 / slow, 102 * slow)] as const);
  const { throughput, cpu } = ratiosOf(rounds);
  for (const ratio of Object.values(throughput)) expect(ratio).toBeCloseTo(0.99);
  for (const ratio of Object.values(cpu ?? {})) expect(ratio).toBeCloseTo(1.02);
});

describe('a cost', () => {
  test('follows from the CPU time', () => {
    expect(costOf(ratiosOf([[sample(1000, 100), sample(500, 125)]]))).toBeCloseTo(0.2);
  });

  test('follows from the throughput if the system does not report CPU time', () => {
    expect(costOf(ratiosOf([[sample(1000), sample(950)]]))).toBeCloseTo(0.05);
  });

  test('is reported, and marked if it exceeds the limit', () => {
    const pair = { names: ['metrics off', 'metrics on'] as [string, string], maxCost: { reads: 0.03 } };
    const rows = (cpu: number, work = 'reads') =>
      rowsOf(findingOf(work, [[sample(1000, 100), sample(990, cpu)]], pair));
    expect(rows(101).map((row) => row.join(' '))).toEqual([
      'reads metrics off 1000 (1000–1000) 100 (100–100) ',
      'reads metrics on 990 (990–990) 101 (101–101) ',
      'reads second / first 0.990 (0.990–0.990) 1.010 (1.010–1.010) costs 1.0 % of the throughput',
    ]);
    expect(rows(110).at(-1)?.at(-1)).toBe('costs 9.1 % of the throughput: MORE than 3.0 %');
    expect(rows(110, 'writes').at(-1)?.at(-1)).toBe('costs 9.1 % of the throughput');
  });
});
