import { describe, expect, test } from 'vitest';
import { all, found, good, judged, kill, none, operation, outage } from '../../test/sample-history.ts';
import type { History, Operation } from '../users/history.ts';

describe('a stall: some user waits, and none gets a success', () => {
  const refused = (start: number) =>
    operation('cart', start, { status: null, outcome: 'unknown', error: 'ECONNREFUSED' });
  const stallsOf = (operations: Operation[], more: Partial<History> = {}) => {
    const { longestStallMs, longestExcusedStallMs, checks } = judged(operations, more);
    return [longestStallMs, longestExcusedStallMs, checks.find(({ name }) => name === 'stall')?.violations[0]?.summary];
  };

  test('a user who asks nothing does not wait', () => {
    expect(stallsOf([...good, operation('whoami', 60_000)])[0]).toBeLessThan(500);
  });

  test('until the end of the run, if the site stops answering before', () => {
    const tries = Array.from({ length: 400 }, (_, index) => refused(2100 + 300 * index));
    const [longest, excused, summary] = stallsOf([...good, ...tries]);
    expect([longest, excused]).toEqual([2100 + 300 * 399 + 5 - 2100, 0]);
    expect(summary).toBe('no user got a success for 119705 ms (limit 500) from 2.0 s on, the end of the run');
  });

  test('before the first success', () => {
    const late = good.map((one) => ({ ...one, start: one.start + 5000, end: one.end + 5000 }));
    const kills = [{ ...kill, start: 6000, end: 6500 }];
    expect(stallsOf(late, { faults: kills })[2]).toBeUndefined();
    const early = [refused(100), refused(2000), ...late];
    expect(stallsOf(early, { faults: kills })).toEqual([5005, 0, expect.stringContaining('from 0.0 s on')]);
  });

  test('after a failure until the next request of the same user, whatever others do', () => {
    const user = { session: 'user-0002.1' };
    const other = { ...operation('whoami', 4000), ...user };
    expect(stallsOf([...good, { ...refused(2100), ...user }, other])[0]).toBe(1905);
    expect(stallsOf([...good, refused(2100), other])[0]).toBe(1905); // user-0001 sends no more: it waits until the end
    const seen401 = operation('profile', 2100, { status: 401, outcome: 'fail' });
    expect(stallsOf([...good, seen401, other])[0]).toBeLessThan(500); // that was an answer
  });

  test('what the budget of a fault excuses is counted by itself', () => {
    const away = { ...outage, start: 2100, end: 4000 };
    const tries = [2200, 2500, 2800, 3100, 3400, 3700].map((start) => refused(start));
    const faults = [{ ...away, targets: ['nginx'] }];
    const [longest, excused, summary] = stallsOf([...good, ...tries, operation('cart', 4010, { observed: [1, 2] })], {
      faults,
    });
    expect([longest, excused, summary]).toEqual([expect.toSatisfy((ms) => ms < 500), 1815, undefined]);
  });
});

test('a stall that ends with or after a fault is not counted twice', () => {
  const longer = operation('whoami', 2010, { end: 5200 });
  const outageAt = (start: number, end: number) => ({ faults: [{ ...outage, start, end }] });
  expect(found([...good, longer], outageAt(5190, 5195))).toMatchObject({ stall: 1 });
  expect(found([...good, longer], outageAt(2000, 2100))).toMatchObject({ stall: 1 });
  expect(judged([...good, longer], outageAt(5190, 5195)).longestStallMs).toBe(3180);
  expect(found([...good, longer], outageAt(2000, 5000))).not.toHaveProperty('stall');
});

test("a stall outside the fault's budget: users waited without a success", () => {
  const late = operation('whoami', 2010, { end: 2600 });
  expect(found([...good, late])).toEqual({ stall: 1 });
  expect(found([...good, { ...late, start: 2590 }])).toEqual({});
  expect(found([...good, late], { faults: [{ ...kill, impactBudget: { ...none, stallMs: 3000 } }] })).toEqual({});
});

test("while the users' own process stalls, no response counts as late", () => {
  const late = operation('whoami', 2010, { end: 2600 });
  expect(found([...good, late])).toEqual({ stall: 1 });
  expect(found([...good, late], { eventLoopStalls: [{ start: 2100, end: 2400 }] })).toEqual({});
});

test('recovery later than a second after the fault', () => {
  const after = operation('whoami', 1600, { end: 3000 });
  const [early, late] = [good.filter(({ end }) => end < 1500), good.filter(({ start }) => start >= 3000)];
  const look = [operation('cart', 3010, { observed: [1] }), operation('profile', 3020, { observedUser: 'user-0001' })];
  expect(found([...early, after, ...look, ...late], { faults: [outage] })).toEqual({
    'slow-recovery': 1,
    'slow-response': 1,
  });
});

test('a fault that ends while another lasts is not late because of the other', () => {
  const hang = { ...outage, fault: 'redis-pause', start: 500, end: 2900, impactBudget: all };
  const killed = { ...kill, impactBudget: { ...none, stallMs: 5000 } };
  const [early, late] = [good.filter(({ end }) => end < 1000), operation('whoami', 1100, { end: 2950 })];
  const look = [operation('cart', 3010, { observed: [1] }), operation('profile', 3020, { observedUser: 'user-0001' })];
  expect(found([...early, late, ...look], { faults: [hang, killed] })).toEqual({});
  expect(found([...early, late, ...look], { faults: [killed] })).toMatchObject({ 'slow-recovery': 1 });
});
