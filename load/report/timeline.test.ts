import { expect, test } from 'vitest';
import type { Operation } from '../users/history.ts';
import { createSample } from '../../test/sample-report.ts';
import { maxBuckets, timelineOf } from './timeline.ts';

function operation(end: number, more: Partial<Operation> = {}): Operation {
  return {
    id: 1,
    session: 'user-0001.1',
    kind: 'cart',
    start: end - 5,
    end,
    outcome: 'ok',
    status: 200,
    replica: 'replica-1',
    ...more,
  };
}

test('an operation counts in the second in which it ended', () => {
  const operations = [
    operation(999.9),
    operation(1000),
    operation(1500, { outcome: 'fail', status: 503 }),
    operation(3000),
  ];
  const timeline = timelineOf({ operations, replicas: ['replica-1'] });
  expect(timeline).toMatchObject({ bucketSeconds: 1, requests: [1, 2, 0, 1], failed: [0, 1, 0, 0] });
});

test('latency is that of successes, and null without any', () => {
  const operations = [
    ...[1, 2, 3, 4].map((ms) => operation(500, { start: 500 - ms })),
    operation(600, { start: 0, outcome: 'unknown', status: null, replica: null }),
    operation(1500, { outcome: 'fail', status: 503 }),
  ];
  const { p50, p99 } = timelineOf({ operations, replicas: [] });
  expect(p50).toEqual([3, null]);
  expect(p99).toEqual([4, null]);
});

test('a refused 401 has no latency: only what succeeded counts', () => {
  const refused = { outcome: 'fail', status: 401 } as const;
  const operations = [
    ...[1, 2].map(() => operation(500, { start: 490, kind: 'add' })),
    ...[1, 2, 3].map(() => operation(600, { ...refused, kind: 'logout' })),
  ];
  expect(timelineOf({ operations, replicas: [] })).toMatchObject({ failed: [0], p50: [10], p99: [10] });
});

test('a kept-alive connection that the server closed is no failure, as in the verdict', () => {
  const closed = operation(500, { outcome: 'unknown', status: null, replica: null, error: 'closed' });
  expect(timelineOf({ operations: [closed], replicas: [] }).failed).toEqual([0]);
});

test('replicas are in natural order: the initial ones, even if idle, and added ones', () => {
  const operations = [
    operation(1, { replica: 'replica-10' }),
    operation(2, { replica: null, status: 502 }),
    operation(3, { replica: 'replica-2' }),
  ];
  const { replicas } = timelineOf({ operations, replicas: ['replica-2', 'replica-1'] });
  expect(replicas).toEqual([
    { name: 'replica-1', answers: [0] },
    { name: 'replica-2', answers: [1] },
    { name: 'replica-10', answers: [1] },
  ]);
});

test.each([
  [599, 1],
  [601, 2],
  [1800, 5],
  [5999, 10],
  [100_000, 200],
])('a run of %i s has buckets of %i s, counted a second', (seconds, bucketSeconds) => {
  const timeline = timelineOf({ operations: [operation(1), operation(seconds * 1000)], replicas: [] });
  expect(timeline.bucketSeconds).toBe(bucketSeconds);
  expect(timeline.requests.length).toBeLessThanOrEqual(maxBuckets);
  expect(timeline.requests[0]).toBe(Math.round(100 / bucketSeconds) / 100);
});

test('an empty history has an empty timeline', () => {
  expect(timelineOf({ operations: [], replicas: ['replica-1'] })).toEqual({
    bucketSeconds: 1,
    warmUpSeconds: 0,
    requests: [],
    failed: [],
    p50: [],
    p99: [],
    replicas: [{ name: 'replica-1', answers: [] }],
  });
});

test('it has all requests of a run', () => {
  const { history } = createSample({ seconds: 30 });
  const { requests } = timelineOf(history);
  expect(requests.reduce((sum, count) => sum + count, 0)).toBe(history.operations.length);
});
