import { expect, test } from 'vitest';
import { createTimeline } from './timeline.ts';

const second = (at: number, requests: number) => ({ at, requests, failed: 0, p50: 1, p99: 2, replicas: {} });
const metrics = { replicas: new Map(), connected: null, total: { requests: 7, failed: 0, p50: 3, p99: 4 } };

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
  expect(timeline.advance([second(1001, 6)], metrics)).toMatchObject([{ at: 1002, requests: 7, by: 'replicas' }]);
  now = 1004;
  expect(timeline.advance([], null)).toMatchObject([{ at: 1003, requests: null, by: null }]);
  expect(timeline.advance([], null)).toEqual([]);
  expect(timeline.points.map(({ at }) => at)).toEqual([1000, 1001, 1002, 1003]);
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
