import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createVisitor, startTestRedis, type TestRedis, until } from '../../test/replica.ts';
import { startTestApp, type TestApp } from '../../test/sessions-app.ts';

// What reads and updates leave in Redis, and what becomes of a text there that is no session.

let redis: TestRedis;
const apps: TestApp[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  await redis.command('FLUSHALL');
});
afterAll(() => redis.stop());

async function start(options?: Parameters<typeof startTestApp>[2]): Promise<TestApp> {
  const app = await startTestApp('durable', redis.url, options);
  apps.push(app);
  return app;
}

const keys = async () => (await redis.command('KEYS', 'session:*')) as string[];

test('60 reads of a busy session: at most one is more than a GET, and no byte of the append-only file', async () => {
  await redis.command('CONFIG', 'SET', 'appendonly', 'yes');
  const visitor = createVisitor((await start()).url);
  await visitor.send('POST', '/set', { a: '1' });
  const stats = async () => {
    const text = `${await redis.command('INFO', 'commandstats')}${await redis.command('INFO', 'persistence')}`;
    const [get, getex, bytes] = [/cmdstat_get:calls=(\d+)/, /cmdstat_getex:calls=(\d+)/, /aof_current_size:(\d+)/].map(
      (pattern) => Number(pattern.exec(text)?.[1] ?? 0),
    ) as [number, number, number];
    return { get, getex, bytes };
  };
  await until(async () => !/aof_rewrite_in_progress:1/.test(String(await redis.command('INFO', 'persistence'))));
  const before = await stats();
  for (let number = 0; number < 60; number++) expect((await visitor.send('GET', '/')).body).toEqual({ a: '1' });
  const after = await stats();
  await redis.command('CONFIG', 'SET', 'appendonly', 'no');
  expect(after.get - before.get).toBeGreaterThanOrEqual(59);
  expect(after.getex - before.getex).toBeLessThanOrEqual(1);
  expect(after.bytes - before.bytes).toBe(0);
});

test('200 updates of one session at once, over 3 replicas: none refused, none lost', async () => {
  const replicas = await Promise.all([1, 2, 3].map(() => start()));
  const at = (number: number, cookie = '') => createVisitor((replicas[number % 3] as TestApp).url, cookie);
  const first = at(0);
  await first.send('POST', '/push', { item: 0 });
  for (let round = 1; round <= 20; round++) {
    await first.send('POST', '/remove', { name: 'list' });
    const pushes = Array.from({ length: 200 }, (_, item) => at(item, first.cookie).send('POST', '/push', { item }));
    const refused = (await Promise.all(pushes)).filter(({ status }) => status !== 201);
    expect(refused.map(({ body }) => body)).toEqual([]);
    const { list } = (await first.send('GET', '/')).body;
    expect(list.toSorted((a: number, b: number) => a - b)).toEqual(Array.from({ length: 200 }, (_, item) => item));
  }
});

test.each([
  ['cut off', (text: string) => text.slice(0, -3)],
  ['broken within', (text: string) => text.replace('"a":', '"a"')],
  ['other text', () => 'hello'],
  ['a list', () => null],
])('what is stored is %s: it counts as no session, and is deleted', async (_what, spoil) => {
  const events: string[] = [];
  const { url } = await start({ observe: ({ type }) => void events.push(type) });
  const visitor = createVisitor(url);
  await visitor.send('POST', '/set', { a: '1' });
  const [key = ''] = await keys();
  const spoilt = (spoil as (text: string) => string | null)(String(await redis.command('GET', key)));
  if (spoilt === null) {
    await redis.command('DEL', key);
    await redis.command('LPUSH', key, 'x');
  } else await redis.command('SET', key, spoilt);
  const { status, body } = await createVisitor(url, visitor.cookie).send('GET', '/');
  expect({ status, body }).toEqual({ status: 200, body: {} });
  await until(async () => (await keys()).length === 0);
  expect(events.filter((type) => type === 'unreadable')).toHaveLength(1);
  expect((await visitor.send('POST', '/set', { b: '1' })).status).toBe(201);
  expect((await visitor.send('GET', '/')).body).toEqual({ b: '1' });
});
