import { createClient } from 'redis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../test/replica.ts';
import { DeadlineError, Deadlines } from './deadline.ts';

const withDeadline = <T>(call: Promise<T>, ms: number) =>
  new Promise<T>((resolve, reject) => new Deadlines().watch(call, ms, resolve, reject));

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

test('an answer that came while this process stood still counts', async () => {
  const client = await connected();
  const call = withDeadline(client.ping(), deadlineMs);
  await new Promise(setImmediate); // it is sent
  const until = performance.now() + 4 * deadlineMs;
  while (performance.now() < until); // as on a machine that is busy
  expect(await call).toBe('PONG');
  client.destroy();
});

test('no answer is given up after the deadline', async () => {
  const client = await connected();
  redis.process().kill('SIGSTOP');
  const start = performance.now();
  await expect(withDeadline(client.ping(), deadlineMs)).rejects.toThrow(DeadlineError);
  expect(performance.now() - start).toBeLessThan(10 * deadlineMs);
  redis.process().kill('SIGCONT');
  client.destroy();
});

test('each call has its own time, whatever the order in which they begin', async () => {
  const deadlines = new Deadlines();
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
