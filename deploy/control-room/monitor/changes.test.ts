import { expect, test } from 'vitest';
import type { ReplicaStatus } from '../fleet/fleet.ts';
import { changesBetween } from './changes.ts';
import { createRestarts } from './restarts.ts';

const replica = (number: number, state: ReplicaStatus['state'] = 'ready', since = '12:00'): ReplicaStatus => {
  return { number, name: `replica-${number}`, runsAs: 'pid 1', state, since, requestsServed: null };
};

test('what became of replicas is told in words, once', () => {
  const before = [replica(1), replica(2), replica(3), replica(4, 'down'), replica(5)];
  const now = [replica(1), replica(2, 'down'), replica(3, 'ready', '12:01'), replica(4, 'ready', '12:01'), replica(6)];
  expect(changesBetween(before, now).map(({ text }) => text)).toEqual([
    'replica-5 is there no more',
    'replica-2 is down',
    'replica-3 was started anew and is ready',
    'replica-4 is ready',
    'replica-6 is new',
  ]);
  expect(changesBetween(now, now)).toEqual([]);
});

test('a restart is counted when the replica runs again, however it ended', () => {
  const restarts = createRestarts();
  const see = (state: ReplicaStatus['state'], since: string) => {
    restarts.see([replica(1, state, since)]);
    return restarts.of('replica-1');
  };
  expect(see('ready', '12:00')).toBe(0);
  expect(see('paused', '12:00')).toBe(0);
  expect(see('down', '12:01')).toBe(0);
  expect(see('starting', '12:02')).toBe(1);
  expect(see('ready', '12:02')).toBe(1);
  expect(see('ready', '12:03')).toBe(2);
  restarts.see([]);
  expect(restarts.of('replica-1')).toBeNull();
});
