import { createClient } from 'redis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { block } from '../../../test/block.ts';
import { startTestRedis, type TestRedis } from '../../../test/replica.ts';
import { DeadlineError, deadlines, within } from './deadline.ts';

let redis: TestRedis;
const deadlineMs = 50;

beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

async function connected() {
  const client = createClient({ url: redis.url });
  client.on('error', () => {});
  await client.connect();
  return client;
}

test('an answer that came while this process was blocked counts', async () => {
  const client = await connected();
  const call = within(deadlineMs, client.ping());
  await new Promise(setImmediate); // it is sent
  block(4 * deadlineMs);
  expect(await call).toBe('PONG');
  client.destroy();
});

test('a call that this process could not send while it was blocked has time for its answer', async () => {
  const client = await connected();
  const call = within(deadlineMs, client.eval('for i = 1, 1e6 do end return 1')); // sent in a later turn, takes some ms
  block(4 * deadlineMs);
  expect(await call).toBe(1);
  client.destroy();
});

test('no answer is given up after the deadline', async () => {
  const client = await connected();
  redis.process().kill('SIGSTOP');
  const start = performance.now();
  const failed = within(deadlineMs - 0.3739, client.ping());
  await expect(failed).rejects.toThrow(new DeadlineError('no answer within 50 ms'));
  expect(performance.now() - start).toBeLessThan(10 * deadlineMs);
  redis.process().kill('SIGCONT');
  client.destroy();
});

test('each call has its own time, whatever the order in which they begin', async () => {
  const never = new Promise<void>(() => {});
  const failed: number[] = [];
  const start = performance.now();
  const done = [300, 100, 200].map(
    (ms) =>
      new Promise<void>((resolve) => {
        deadlines.watch(never, ms, resolve, () => {
          expect(performance.now() - start).toBeGreaterThanOrEqual(ms);
          failed.push(ms);
          resolve();
        });
      }),
  );
  const keepAlive = setTimeout(() => {}, 5000);
  await Promise.all(done);
  clearTimeout(keepAlive);
  expect(failed).toEqual([100, 200, 300]);
});
