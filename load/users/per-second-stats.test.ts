import { expect, test } from 'vitest';
import type { FaultRecord, Operation } from './history.ts';
import { createPerSecondStats } from './per-second-stats.ts';

const base = { id: 1, session: 'user-0001.1', kind: 'cart' } as const;
const operation = (start: number, end: number, more: Partial<Operation> = {}): Operation => {
  return { ...base, start, end, outcome: 'ok', status: 200, replica: 'replica-1', ...more };
};

test('each completed second is summarised, also one without requests', () => {
  let now = 10_000;
  const stats = createPerSecondStats([], () => now);
  const offset = 10_000;
  stats.add(
    [
      operation(0, 10),
      operation(0, 30),
      operation(5, 25, { replica: 'replica-2' }),
      operation(0, 900, { outcome: 'fail', status: 503, replica: 'nginx' }),
      operation(0, 950, { outcome: 'fail', status: 401 }),
    ],
    offset,
  );
  expect(stats.seconds()).toEqual([]);
  now = 12_000;
  stats.add([], offset);
  expect(stats.seconds()).toEqual([
    { at: 10, requests: 5, failed: 1, excused: 0, p50: 20, p99: 30 },
    { at: 11, requests: 0, failed: 0, excused: 0, p50: null, p99: null },
  ]);
  expect([stats.requests, stats.failed]).toEqual([5, 1]);
});

test('it keeps the last five minutes, however long users are busy', () => {
  let now = 0;
  const stats = createPerSecondStats([], () => now);
  for (; now < 3_600_000; now += 500) stats.add([operation(now, now)], 0);
  expect(stats.seconds()).toHaveLength(300);
  expect(stats.seconds().at(-1)).toMatchObject({ at: 3598, requests: 2 });
  expect(stats.requests).toBe(7200);
});

test('a failure within the budget of a fault is excused, also while the fault lasts', () => {
  const impactBudget = { failures: 'all', stallMs: null, answerMs: 1000 } as const;
  const named = { fault: 'redis-outage', target: 'redis', evidence: '' } as const;
  const outage: FaultRecord = { ...named, targets: ['redis'], start: 100, end: null, impactBudget };
  const stats = createPerSecondStats([outage], () => 0);
  const refused = { outcome: 'fail', status: 503 } as const;
  stats.add([operation(0, 50, refused), operation(150, 160, refused), operation(150, 160)], 0);
  expect(stats).toMatchObject({ requests: 3, failed: 1, excused: 1 });
  outage.end = 200;
  stats.add([operation(190, 210, refused), operation(1300, 1310, refused)], 0);
  expect(stats).toMatchObject({ requests: 5, failed: 2, excused: 2 });
});

test('each second says how many of its failures were excused', () => {
  let now = 0;
  const impactBudget = { failures: 'all', stallMs: null, answerMs: 1000 } as const;
  const outage: FaultRecord = {
    ...{ fault: 'redis-outage', target: 'redis', targets: ['redis'], start: 100, end: 200, evidence: '', impactBudget },
  };
  const stats = createPerSecondStats([outage], () => now);
  const refused = { outcome: 'fail', status: 503 } as const;
  stats.add([operation(0, 50, refused), operation(150, 160, refused), operation(150, 160)], 0);
  now = 1000;
  expect(stats.seconds()).toMatchObject([]);
  stats.add([], 0);
  expect(stats.seconds()).toMatchObject([{ at: 0, requests: 3, failed: 1, excused: 1 }]);
});
