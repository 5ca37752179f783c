import { expect, test } from 'vitest';
import { replicaStatus as replica } from '../../../test/replica-status.ts';
import type { ReplicaStatus } from '../../fleet/fleet.ts';
import { changesBetween, createChangeLog, createReplicaHistory } from './changes.ts';
import { createEventLog } from './event-log.ts';

test('changes of replicas are reported in words, once', () => {
  const before = [replica(1), replica(2), replica(3), replica(4, 'down'), replica(5)];
  const now = [replica(1), replica(2, 'down'), replica(3, 'ready', '12:01'), replica(4, 'ready', '12:01'), replica(6)];
  expect(changesBetween(before, now).map(({ name, text: [one] }) => `${name} ${one}`)).toEqual([
    'replica-5 was removed',
    'replica-2 is down',
    'replica-3 was restarted and is ready',
    'replica-4 is ready',
    'replica-6 was added',
  ]);
  expect(changesBetween(now, now)).toEqual([]);
});

test('consecutive equal changes share an entry of the log', () => {
  const eventLog = createEventLog();
  const logChange = createChangeLog(eventLog);
  const starting = [1, 2, 3].map((number) => replica(number, 'starting'));
  const ready = [1, 2, 3].map((number) => replica(number));
  for (const change of changesBetween(starting, ready)) logChange(change);
  eventLog.write('plain', 'Rolled');
  for (const change of changesBetween([replica(1, 'starting')], [replica(1)])) logChange(change);
  for (const change of changesBetween([replica(1, 'down')], [replica(1)])) logChange(change);
  expect(eventLog.entries.map(({ text }) => text)).toEqual([
    'replica-1, replica-2 and replica-3 are ready',
    'Rolled',
    'replica-1 is ready',
    'replica-1 is ready',
  ]);
});

test('a restart is counted when the replica runs again, however it ended', () => {
  const history = createReplicaHistory();
  let at = 0;
  const see = (state: ReplicaStatus['state'], since: string) => {
    history.observe([replica(1, state, since)], ++at);
    return history.of('replica-1')?.restarts;
  };
  expect(see('ready', '12:00')).toBe(0);
  expect(see('paused', '12:00:30')).toBe(0); // since its pause
  expect(see('ready', '12:00')).toBe(0);
  expect(see('down', '12:01')).toBe(0);
  expect(see('starting', '12:02')).toBe(1);
  expect(see('ready', '12:02')).toBe(1);
  expect(see('ready', '12:03')).toBe(2);
  history.observe([], ++at);
  expect(history.of('replica-1')).toBeUndefined();
});

test('requests per second are counted between two observations of the same process', () => {
  const history = createReplicaHistory();
  const see = (at: number, requestsServed: number | null, since = '12:00') => {
    history.observe([{ ...replica(1, 'ready', since), requestsServed }], at);
    return history.of('replica-1')?.perSecond;
  };
  expect(see(1000, 10)).toBeNull();
  expect(see(2000, 30)).toBe(20);
  expect(see(2000, 30)).toBe(20);
  expect(see(4000, 40)).toBe(5);
  expect(see(5000, 7, '12:01')).toBeNull();
  expect(see(6000, null, '12:01')).toBeNull();
  expect(see(7000, 9, '12:01')).toBeNull();
  expect(see(13_000, 99, '12:01')).toBeNull();
});
