import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createVisitor, startTestRedis, type TestRedis, until } from '../../../test/replica.ts';
import { startTestApp, type TestApp } from '../../../test/sessions-app.ts';

// Where Redis has little memory left.

let redis: TestRedis;
const apps: TestApp[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  await redis.command('FLUSHALL');
  await redis.command('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
});
afterAll(() => redis.stop());

/** @returns a function that opens another browser of an application */
async function start(options: Parameters<typeof startTestApp>[2], redisUrl = redis.url) {
  const app = await startTestApp('durable', redisUrl, options);
  apps.push(app);
  return () => createVisitor(app.url);
}

type Visitor = ReturnType<typeof createVisitor>;
const put = (visitor: Visitor, item: string) => visitor.send('POST', '/set', { cart: item });

/** With 16 MB in it, what connections and a few sessions take makes no difference. */
async function fill(share: number): Promise<void> {
  await redis.command('SETRANGE', 'filling', '16000000', '.');
  const info = String(await redis.command('INFO', 'memory'));
  const used = Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
  await redis.command('CONFIG', 'SET', 'maxmemory', String(Math.round(used / share)));
}

test('visitors who are not logged in leave it to those who are', async () => {
  const open = await start({ anonymousShare: 0.7 });
  const [ada, visitor, newcomer] = [open(), open(), open()];
  const logIn = async (one: Visitor, name: string) => (await one.send('POST', '/login', { name })).status;
  await logIn(ada, 'ada');
  await put(visitor, 'tea');
  await fill(0.85);

  const refused = { status: 503, body: { code: 'store-full' } };
  await until(async () => (await put(open(), 'tea')).status === 503);
  expect(await put(newcomer, 'tea')).toMatchObject(refused);
  expect(await put(visitor, 'milk')).toMatchObject(refused);
  expect(await visitor.send('GET', '/')).toMatchObject({ status: 200, body: { cart: 'tea' } });
  expect((await put(ada, 'tea')).status).toBe(201);
  for (const one of [visitor, newcomer]) expect(await logIn(one, 'bob')).toBe(200);
  expect((await visitor.send('GET', '/')).body).toMatchObject({ cart: 'tea', user: { id: 'bob' } });
  expect((await ada.send('POST', '/remove', { name: 'user' })).status).toBe(200); // not logged in from here on

  await fill(0.5);
  expect((await put(open(), 'tea')).status).toBe(201);
});

test.each<[string, Parameters<typeof startTestApp>[2], () => Promise<unknown>]>([
  ['a layer that was not asked to', {}, () => fill(0.9)],
  ['a Redis without a limit', { anonymousShare: 0.1 }, async () => {}],
  [
    'a Redis that makes room by itself',
    { anonymousShare: 0.1 },
    () => fill(0.5).then(() => redis.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-ttl')),
  ],
])('%s refuses none', async (_what, options, prepare) => {
  await prepare();
  const open = await start(options);
  for (let number = 0; number < 20; number++) expect((await put(open(), 'tea')).status).toBe(201);
});

test('a user who may not ask Redis for its memory is refused none', async () => {
  await redis.command('ACL', 'SETUSER', 'app', 'on', '>app', '~*', '&*', '+@all', '-info');
  await fill(0.5);
  const open = await start({ anonymousShare: 0.1 }, redis.url.replace('//', '//app:app@'));
  for (let number = 0; number < 20; number++) expect((await put(open(), 'tea')).status).toBe(201);
});
