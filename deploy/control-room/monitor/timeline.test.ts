import { expect, test } from 'vitest';
import { createTimeline, mergePoints } from './timeline.ts';

const second = (at: number, requests: number) => ({
  at,
  requests,
  failed: 0,
  excused: 0,
  p50: 1,
  p99: 2,
  replicas: {},
});
const metrics = { replicas: new Map(), total: { requests: 7, failed: 0, excused: 0, p50: 3, p99: 4 } };

test('each completed second is added once: as measured by the users, else by the replicas, else unknown', () => {
  let now = 1000;
  const timeline = createTimeline(() => now);
  expect(timeline.advance([], metrics)).toEqual([]);
  now = 1002;
  const fresh = timeline.advance([second(1000, 5), second(1001, 6), second(1002, 1)], metrics);
  expect(fresh.map(({ at, requests, by }) => [at, requests, by])).toEqual([
    [1000, 5, 'users'],
    [1001, 6, 'users'],
  ]);
  now = 1003;
  expect(timeline.advance([], null)).toMatchObject([{ at: 1002, requests: null, by: null }]);
  expect(timeline.advance([], null)).toEqual([]);
  now = 1008;
  // The rates of the replicas are of five seconds: the first ones contain what the users have counted.
  expect(timeline.advance([], metrics).map(({ at, requests, by }) => [at, requests, by])).toEqual([
    ...[1003, 1004, 1005, 1006].map((at) => [at, null, null]),
    [1007, 7, 'replicas'],
  ]);
  expect(timeline.points.map(({ at }) => at)).toEqual([1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007]);
});

test('it covers five minutes, however long there were no viewers', async () => {
  let now = 1000;
  const timeline = createTimeline(() => now);
  now = 5000;
  expect(timeline.advance([], null)).toHaveLength(300);
  expect(timeline.points).toHaveLength(300);
  await timeline.catchUp([second(4000, 1), second(4990, 2)], undefined);
  expect(timeline.points).toMatchObject([{ at: 4990, requests: 2, by: 'users' }]);
});

test('what the replicas measured before the users came stays, and what overlaps with theirs does not', () => {
  const measured = Array.from({ length: 20 }, (_, at) => ({ at, ...metrics.total, by: 'replicas' as const }));
  const merged = mergePoints(measured, [second(5, 9), second(6, 9)]);
  expect(merged.map(({ at, by }) => `${at} ${by}`)).toEqual([
    ...[0, 1, 2, 3, 4].map((at) => `${at} replicas`),
    '5 users',
    '6 users',
    ...[12, 13, 14, 15, 16, 17, 18, 19].map((at) => `${at} replicas`),
  ]);
  expect(mergePoints(measured, [])).toEqual(measured);
});
