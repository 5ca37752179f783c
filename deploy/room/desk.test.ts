import { expect, test } from 'vitest';
import type { Fleet } from '../fleet/fleet.ts';
import type { Action } from './action.ts';
import { createDesk } from './desk.ts';
import { createJournal } from './journal.ts';
import type { Situation } from './situation.ts';
import { nobody, type Visitors } from './visitors.ts';

const fleet = { driver: 'none' } as Fleet;
const description = { driver: 'none', store: 'durable', http: '', https: '', versions: { nginx: '', redis: '' } };
const situation: Situation = {
  fleet,
  description,
  replicas: [],
  redis: 'up',
  nginx: 'up',
  sight: nobody.look(),
};

/** Presses a button for something done to Redis that goes as `run` goes. */
async function press(run: () => Promise<unknown>, limitSeconds = 10) {
  const journal = createJournal();
  const ended = Promise.withResolvers<void>();
  let changes = 0;
  const changed = () => {
    changes += 1;
    if (changes === 2) ended.resolve(); // it has begun, it has ended
  };
  const words: Action['words'] = ['Poking', 'Poked', 'poke'];
  const action: Action = { label: 'Poke', target: 'redis', object: 'Redis', words, mark: 'redis', limitSeconds, run };
  const desk = createDesk({ fleet, visitors: nobody, journal, changed, actions: { poke: action } });
  expect(desk.press('poke', undefined, situation)).toBeUndefined();
  expect(desk.button('poke', situation)).toMatchObject({ isBusy: true, why: 'Poking Redis goes on' });
  expect(desk.press('poke', undefined, situation)).toEqual({ status: 409, words: 'Poking Redis goes on' });
  await ended.promise;
  expect(desk.button('poke', situation).why).toBeUndefined();
  return journal;
}

test('what is done is told while it goes on and when it has ended, and marked', async () => {
  const journal = await press(async () => {});
  expect(journal.entries.map(({ text }) => text)).toEqual([expect.stringMatching(/^Poked Redis \(0\.0 s\)$/)]);
  expect(journal.marks).toMatchObject([{ name: 'poke Redis', kind: 'redis' }]);
});

test('what fails is told in the words of the error, with the last line of the log', async () => {
  const error = Object.assign(new Error('redis did not come up'), { logLines: ['first', 'out of memory'] });
  const journal = await press(() => Promise.reject(error));
  expect(journal.entries).toMatchObject([
    { tone: 'bad', text: 'Could not poke Redis: redis did not come up (out of memory)' },
  ]);
});

test('while one store takes the place of another no users come, and none is switched while they are on their way', async () => {
  const over = Promise.withResolvers<void>();
  const slow = { ...fleet, deploy: () => over.promise, describe: async () => description } as unknown as Fleet;
  const visitors = { ...nobody, look: () => ({ ...nobody.look(), reserved: undefined }) } as unknown as Visitors;
  const desk = createDesk({ fleet: slow, visitors, journal: createJournal(), changed: () => {} });
  const sight = visitors.look();
  const now = { ...situation, fleet: slow, sight };
  expect(desk.button('users-start', now).why).toBeUndefined();
  expect(desk.button('store-memory', { ...now, sight: { ...sight, state: 'arriving' } }).why).toMatch('on their way');
  expect(desk.press('store-memory', undefined, now)).toBeUndefined();
  expect(desk.button('users-start', now).why).toBe('Switching sessions to the store memory goes on');
  over.resolve();
});

test('what throws at once fails as well', async () => {
  const journal = await press(() => {
    throw new Error('no');
  });
  expect(journal.entries).toMatchObject([{ tone: 'bad', text: 'Could not poke Redis: no' }]);
});

test('what hangs is given up after its limit, and the button is free again', async () => {
  const journal = await press(() => new Promise(() => {}), 0.02);
  expect(journal.entries).toMatchObject([
    { tone: 'bad', text: 'Could not poke Redis: it has not ended within 0.02 s; it may still happen' },
  ]);
});

test('the journal forgets what is old', () => {
  const journal = createJournal();
  for (let index = 0; index < 1000; index++) {
    journal.write('plain', `${index}`);
    journal.mark('other', `${index}`);
  }
  expect(journal.entries).toHaveLength(200);
  expect(journal.marks).toHaveLength(100);
  const { entries, marks } = journal.news();
  expect([entries.length, marks.length]).toEqual([200, 100]);
  expect(journal.news().entries).toEqual([]);
});
