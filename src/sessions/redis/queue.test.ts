import { expect, test } from 'vitest';
import { block } from '../../../test/block.ts';
import { SessionError } from '../errors.ts';
import { createQueue } from './queue.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('changes of one key follow one another, and get what the one before has left; others do not wait', async () => {
  const queue = createQueue<number>();
  const seen: [string, number | undefined][] = [];
  const add = (key: string) =>
    queue.run(key, 1000, async (latest) => {
      seen.push([key, latest]);
      await pause(5);
      return (latest ?? 0) + 1;
    });
  await Promise.all([add('a'), add('a'), add('b'), add('a')]);
  expect(seen.filter(([key]) => key === 'a').map(([, latest]) => latest)).toEqual([undefined, 1, 2]);
  expect(seen.slice(0, 2).map(([key]) => key)).toEqual(['a', 'b']);
  await add('a');
  expect(seen.at(-1)).toEqual(['a', undefined]); // it is known only as long as others wait
});

test('between two changes others of this process have their turn, or one that was overtaken would be so each time', async () => {
  const queue = createQueue<number>();
  const order: string[] = [];
  const change = (name: string) =>
    queue.run('a', 1000, async () => {
      order.push(name);
      setImmediate(() => order.push(`after ${name}`));
      return undefined;
    });
  await Promise.all([change('first'), change('second'), change('third')]);
  expect(order).toEqual(['first', 'after first', 'second', 'after second', 'third']);
});

test('if the store fails one, those that wait fail at once; another error is its own', async () => {
  const queue = createQueue<number>();
  let ran = 0;
  const fail = (err: Error) =>
    queue.run('a', 1000, async () => {
      await pause(5);
      throw err;
    });
  const work = () => queue.run('a', 1000, async () => void (await pause(++ran)) as undefined);
  const unknown = await Promise.allSettled([fail(new SessionError('outcome-unknown')), work(), work()]);
  expect(unknown.map((one) => one.status === 'rejected' && one.reason.code)).toEqual([
    'outcome-unknown',
    'store-unavailable',
    'store-unavailable',
  ]);
  expect(ran).toBe(0);
  const conflict = await Promise.allSettled([fail(new SessionError('session-conflict')), work(), work()]);
  expect(conflict.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
  expect(ran).toBe(2);
});

test('a turn that could not come because this process was blocked is waited for', async () => {
  const queue = createQueue<number>();
  const change = () =>
    queue.run('a', 100, async () => {
      for (let call = 0; call < 2; call++) await pause(10);
      return undefined;
    });
  const changes = [change(), change()];
  block(200);
  await Promise.all(changes);
});

test('a turn that does not come in time is given up, and not taken; those behind it keep theirs', async () => {
  const queue = createQueue<number>();
  const order: string[] = [];
  const run = (name: string, ms: number, takes: number) =>
    queue.run('a', ms, async () => {
      await pause(takes);
      order.push(name);
      return undefined;
    });
  const slow = run('slow', 50, 150);
  const late = run('late', 50, 0);
  const patient = run('patient', 1000, 0);
  await expect(late).rejects.toMatchObject({ code: 'store-unavailable' });
  await Promise.all([slow, patient]);
  expect(order).toEqual(['slow', 'patient']);
});
