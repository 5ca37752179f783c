import { expect, test } from 'vitest';
import { createTimeline } from './timeline.ts';

const second = (at: number, requests: number) => ({ at, requests, failed: 0, p50: 1, p99: 2, replicas: {} });
const figures = { replicas: new Map(), connected: null, total: { requests: 7, failed: 0, p50: 3, p99: 4 } };

test('each second that has ended is added once: as the users saw it, else as the replicas did, else as unknown', () => {
  let now = 1000;
  const timeline = createTimeline(() => now);
  expect(timeline.goOn([], figures)).toEqual([]);
  now = 1002;
  const fresh = timeline.goOn([second(1000, 5), second(1001, 6), second(1002, 1)], figures);
  expect(fresh.map(({ at, requests, by }) => [at, requests, by])).toEqual([
    [1000, 5, 'users'],
    [1001, 6, 'users'],
  ]);
  now = 1003;
  expect(timeline.goOn([second(1001, 6)], figures)).toMatchObject([{ at: 1002, requests: 7, by: 'replicas' }]);
  now = 1004;
  expect(timeline.goOn([], null)).toMatchObject([{ at: 1003, requests: null, by: null }]);
  expect(timeline.goOn([], null)).toEqual([]);
  expect(timeline.points.map(({ at }) => at)).toEqual([1000, 1001, 1002, 1003]);
});

test('it goes back five minutes and no further, however long nobody looked', async () => {
  let now = 1000;
  const timeline = createTimeline(() => now);
  now = 5000;
  expect(timeline.goOn([], null)).toHaveLength(300);
  expect(timeline.points).toHaveLength(300);
  await timeline.catchUp([second(4000, 1), second(4990, 2)], undefined);
  expect(timeline.points).toMatchObject([{ at: 4990, requests: 2, by: 'users' }]);
});
