import { expect, test } from 'vitest';
import type { Fleet } from '../../fleet/fleet.ts';
import { createEventLog } from '../monitor/event-log.ts';
import type { RoomState } from '../monitor/state.ts';
import { noUsers, type RoomUsers } from '../users.ts';
import type { Action } from './actions.ts';
import { createDispatcher } from './dispatcher.ts';

const fleet = { driver: 'none' } as Fleet;
const description = { driver: 'none', store: 'durable', http: '', https: '', versions: { nginx: '', redis: '' } };
const state: RoomState = {
  description,
  replicas: [],
  redis: 'up',
  nginx: 'up',
  users: noUsers.status(),
};

/** Starts an action on Redis that ends as `run` does. @returns the event log */
async function start(run: () => Promise<unknown>, limitSeconds = 10) {
  const eventLog = createEventLog();
  const ended = Promise.withResolvers<void>();
  let changes = 0;
  const words: Action['words'] = ['Poking', 'Poked', 'poke'];
  const action: Action = { label: 'Poke', target: 'redis', object: 'Redis', words, mark: 'redis', limitSeconds, run };
  const dispatcher = createDispatcher({ fleet, users: noUsers, eventLog, actions: { poke: action } });
  dispatcher.onChange(() => {
    changes += 1;
    if (changes === 2) ended.resolve(); // it has started and ended
  });
  expect(dispatcher.start('poke', undefined, state)).toBeUndefined();
  expect(dispatcher.button('poke', state)).toMatchObject({
    isBusy: true,
    disabledReason: 'Poking Redis is still running',
  });
  expect(dispatcher.start('poke', undefined, state)).toEqual({ status: 409, reason: 'Poking Redis is still running' });
  await ended.promise;
  expect(dispatcher.button('poke', state).disabledReason).toBeUndefined();
  return eventLog;
}

test('an action is logged while it runs and when it has ended, and is marked', async () => {
  const eventLog = await start(async () => {});
  expect(eventLog.entries.map(({ text }) => text)).toEqual([expect.stringMatching(/^Poked Redis \([\d.]+ ms\)$/)]);
  expect(eventLog.marks).toMatchObject([{ name: 'poke Redis', kind: 'redis' }]);
});

test('a failure is logged with its message and the last log line', async () => {
  const error = Object.assign(new Error('redis did not come up'), { logLines: ['first', 'out of memory'] });
  const eventLog = await start(() => Promise.reject(error));
  expect(eventLog.entries).toMatchObject([
    { tone: 'bad', text: 'Could not poke Redis: redis did not come up (out of memory)' },
  ]);
});

test('no users start during a switch of stores, and no switch starts while users log in', async () => {
  const over = Promise.withResolvers<void>();
  const slow = { ...fleet, deploy: () => over.promise, describe: async () => description } as unknown as Fleet;
  const users = { ...noUsers, status: () => ({ ...noUsers.status(), reserved: undefined }) } as unknown as RoomUsers;
  const dispatcher = createDispatcher({ fleet: slow, users, eventLog: createEventLog() });
  const status = users.status();
  const now = { ...state, users: status };
  expect(dispatcher.button('users-start', now).disabledReason).toBeUndefined();
  expect(dispatcher.button('store-memory', { ...now, users: { ...status, state: 'arriving' } }).disabledReason).toMatch(
    'logging in or out',
  );
  expect(dispatcher.start('store-memory', undefined, now)).toBeUndefined();
  expect(dispatcher.button('users-start', now).disabledReason).toBe('Switching to the memory store is still running');
  over.resolve();
});

test('an action that throws synchronously fails', async () => {
  const eventLog = await start(() => {
    throw new Error('no');
  });
  expect(eventLog.entries).toMatchObject([{ tone: 'bad', text: 'Could not poke Redis: no' }]);
});

test('an action that hangs is given up after its limit, and its button is enabled again', async () => {
  const eventLog = await start(() => new Promise(() => {}), 0.02);
  expect(eventLog.entries).toMatchObject([
    { tone: 'bad', text: 'Could not poke Redis: it did not end within 0.02 s; it may still complete' },
  ]);
});

test('the event log drops old entries', () => {
  const eventLog = createEventLog();
  for (let index = 0; index < 1000; index++) {
    eventLog.write('plain', `${index}`);
    eventLog.mark('other', `${index}`);
  }
  expect(eventLog.entries).toHaveLength(200);
  expect(eventLog.marks).toHaveLength(100);
  const { entries, marks } = eventLog.takeChanges();
  expect([entries.length, marks.length]).toEqual([200, 100]);
  expect(eventLog.takeChanges().entries).toEqual([]);
});
