import { expect, test } from 'vitest';
import type { Operation } from './history.ts';
import { createTally } from './tally.ts';

const base = { id: 1, session: 'user-0001.1', kind: 'cart' } as const;
const operation = (start: number, end: number, more: Partial<Operation> = {}): Operation => {
  return { ...base, start, end, outcome: 'ok', status: 200, replica: 'replica-1', ...more };
};

test('each second is summed up when it has ended; one without requests is among them', () => {
  let now = 10_000;
  const tally = createTally(() => now);
  const offset = 10_000;
  tally.add(
    [
      operation(0, 10),
      operation(0, 30),
      operation(5, 25, { replica: 'replica-2' }),
      operation(0, 900, { outcome: 'fail', status: 503, replica: 'nginx' }),
      operation(0, 950, { outcome: 'fail', status: 401 }),
    ],
    offset,
  );
  expect(tally.seconds()).toEqual([]);
  now = 12_000;
  tally.add([], offset);
  expect(tally.seconds()).toEqual([
    { at: 10, requests: 5, failed: 1, p50: 20, p99: 30 },
    { at: 11, requests: 0, failed: 0, p50: null, p99: null },
  ]);
  expect([tally.requests, tally.failed]).toEqual([5, 1]);
});

test('it keeps the last five minutes, however long users are busy', () => {
  let now = 0;
  const tally = createTally(() => now);
  for (; now < 3_600_000; now += 500) tally.add([operation(now, now)], 0);
  expect(tally.seconds()).toHaveLength(300);
  expect(tally.seconds().at(-1)).toMatchObject({ at: 3598, requests: 2 });
  expect(tally.requests).toBe(7200);
});
