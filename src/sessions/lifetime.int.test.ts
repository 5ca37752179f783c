import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createVisitor, sessionIdOf, spawnReplica, startTestRedis, type TestRedis, until } from '../../test/replica.ts';
import { secret, startTestApp, type TestApp } from '../../test/sessions-app.ts';

let redis: TestRedis;
const apps: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  await redis.command('FLUSHALL');
});
afterAll(() => redis.stop());

async function start(
  options: Parameters<typeof startTestApp>[2] = {},
  kind: 'durable' | 'plain' = 'durable',
): Promise<TestApp> {
  const app = await startTestApp(kind, redis.url, options);
  apps.push(app);
  return app;
}

const session = async (app: TestApp, cookie: string) => (await createVisitor(app.url, cookie).send('GET', '/')).body;

async function begin(app: TestApp, attributes: object = { a: 1 }): Promise<string> {
  const visitor = createVisitor(app.url);
  await visitor.send('POST', '/set', attributes);
  return visitor.cookie;
}

const remainingMs = async () => {
  const [key] = (await redis.command('KEYS', 'session:*')) as string[];
  return Number(await redis.command('PTTL', key ?? ''));
};

describe('idle and absolute timeouts', () => {
  test('a session ends when it is not used for idleSeconds; each use extends its life', async () => {
    const app = await start({ idleSeconds: 2 });
    const cookie = await begin(app);
    for (let use = 0; use < 3; use++) {
      await until(async () => (await remainingMs()) < 1200);
      expect(await session(app, cookie)).toEqual({ a: 1 });
    }
    await until(async () => (await remainingMs()) === -2);
    expect(await session(app, cookie)).toEqual({});
  });

  test('a session ends absoluteSeconds after it began, used or not', async () => {
    const app = await start({ absoluteSeconds: 1 });
    const cookie = await begin(app);
    const began = performance.now();
    expect(await session(app, cookie)).toEqual({ a: 1 });
    await until(async () => Object.keys(await session(app, cookie)).length === 0);
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(await redis.command('KEYS', '*')).toEqual([]);
  });

  test('a request under way when its session times out is answered 401', async () => {
    const app = await start({ idleSeconds: 1 });
    const cookie = await begin(app);
    const slow = createVisitor(app.url, cookie).send('POST', '/set?gate=late', { b: 2 });
    await app.arrived('late');
    await until(async () => (await redis.command('DBSIZE')) === 0);
    app.open('late');
    expect(await slow).toMatchObject({ status: 401, body: { code: 'session-ended' } });
  });
});

test('an active visitor gets the cookie again at half its life, and not before', async () => {
  const app = await start({ idleSeconds: 4 });
  const began = performance.now();
  const cookie = await begin(app);
  const setCookie = async (sent = cookie) =>
    (await createVisitor(app.url, sent).send('GET', '/')).headers.get('set-cookie');
  expect(await setCookie()).toBeNull();
  const renewed = await until(() => setCookie());
  expect(performance.now() - began).toBeGreaterThan(1500);
  expect(sessionIdOf(renewed ?? '')).toBe(sessionIdOf(cookie));
  expect(renewed).toContain('Max-Age=4');
  expect(renewed).toContain('SameSite=Strict');
  expect(await setCookie(renewed?.split(';')[0])).toBeNull();
});

test('where the renewal of the cookie cannot be noted, the read goes on', async () => {
  const app = await start({ idleSeconds: 2 });
  const cookie = await begin(app);
  await sleep(1100); // past half its life: nothing else would show it
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  const answer = await createVisitor(app.url, cookie).send('GET', '/');
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  expect(answer).toMatchObject({ status: 200, body: { a: 1 } });
});

test('secrets rotate: the first signs, all verify', async () => {
  const next = 'n'.repeat(32);
  const [old, both, only] = [await start(), await start({ secrets: [next, secret] }), await start({ secrets: [next] })];
  const cookie = await begin(old);
  expect(await session(both, cookie)).toEqual({ a: 1 });
  expect(await session(only, cookie)).toEqual({});
  const visitor = createVisitor(both.url, cookie);
  await visitor.send('POST', '/set', { b: 2 });
  expect(await session(only, visitor.cookie)).toEqual({ a: 1, b: 2 });
});

describe('bounds', () => {
  test('a session over the limit is refused with 413, and nothing is changed', async () => {
    const app = await start({ maxBytes: 1000 });
    const cookie = await begin(app);
    for (const [path, body] of [
      ['/set', { big: 'x'.repeat(1000) }],
      ['/push', { item: 'x'.repeat(1000) }],
    ] as const) {
      const answer = await createVisitor(app.url, cookie).send('POST', path, body);
      expect(answer).toMatchObject({ status: 413, body: { code: 'session-too-large' } });
    }
    expect(await session(app, cookie)).toEqual({ a: 1 });
  });

  test('one session more than a user may have ends the oldest', async () => {
    const app = await start({ maxPerUser: 3 });
    const visitors = Array.from({ length: 5 }, () => createVisitor(app.url));
    for (const visitor of visitors) {
      await visitor.send('POST', '/login', { name: 'ada' });
      await sleep(2); // they began at different times, by Redis's clock in milliseconds
    }
    const statuses = await Promise.all(
      visitors.map((visitor) => visitor.send('GET', '/me').then(({ status }) => status)),
    );
    expect(statuses).toEqual([401, 401, 200, 200, 200]);
    const listed = (await createVisitor(app.url).send('GET', '/sessions?user=ada')).body;
    expect(listed).toHaveLength(3);
  });

  test('what needs a recent login is refused when that is older, or when there is none', async () => {
    const app = await start();
    const visitor = createVisitor(app.url);
    const ask = async (seconds: unknown) => (await visitor.send('POST', '/fresh', { seconds })).status;
    expect(await ask(60)).toBe(403);
    await visitor.send('POST', '/push', { item: 1 });
    await sleep(1000);
    expect(await ask(60)).toBe(200);
    const tooOld = await visitor.send('POST', '/fresh', { seconds: 0.9 });
    expect(tooOld).toMatchObject({ status: 403, body: { code: 'login-too-old' } });
    await visitor.send('POST', '/login', { name: 'ada' });
    expect(await ask(0.9)).toBe(200);
    for (const wrong of [0, -1, 'soon', null]) expect(await ask(wrong)).toBe(500);
  });

  test('the answers of the last 16 keys are kept, and no more', async () => {
    const app = await start();
    const cookie = await begin(app);
    const push = (key: number) =>
      createVisitor(app.url, cookie).send('POST', '/push', { item: key }, { 'idempotency-key': `key-${key}` });
    for (let key = 0; key < 20; key++) await push(key);
    const [answers] = ((await redis.command('KEYS', '*:answers')) as string[]) ?? [];
    expect(await redis.command('HLEN', answers ?? '')).toBe(17); // and their order
    expect((await push(19)).body.list).toHaveLength(20);
    expect((await session(app, cookie)).list).toHaveLength(20);
  });
});

describe('a user’s sessions', () => {
  test('are listed by handle, and ended one by one or all at once, for good', async () => {
    const app = await start();
    const visitors = Array.from({ length: 3 }, () => createVisitor(app.url));
    for (const visitor of visitors) await visitor.send('POST', '/login', { name: 'ada' });
    const mallory = createVisitor(app.url);
    await mallory.send('POST', '/login', { name: 'mallory' });
    const list = async () => (await mallory.send('GET', '/sessions?user=ada')).body as { handle: string }[];
    const [one] = await list();
    expect((await mallory.send('DELETE', `/sessions?user=mallory&handle=${one?.handle}`)).body.ended).toBe(0);
    expect(await list()).toHaveLength(3);
    expect((await mallory.send('DELETE', `/sessions?user=ada&handle=${one?.handle}`)).body.ended).toBe(1);
    const slow = visitors.map((visitor, number) => visitor.send('POST', `/push?gate=revoked${number}`, { item: 1 }));
    await Promise.all(visitors.map((_, number) => app.arrived(`revoked${number}`)));
    expect((await mallory.send('DELETE', '/sessions?user=ada')).body.ended).toBe(2);
    for (const number of visitors.keys()) app.open(`revoked${number}`);
    // The one that was ended before began as a new visitor.
    expect((await Promise.all(slow)).map(({ status }) => status).sort()).toEqual([201, 401, 401]);
    for (const visitor of visitors) expect((await visitor.send('GET', '/me')).status).toBe(401);
    expect((await mallory.send('GET', '/me')).status).toBe(200);
    expect(await list()).toEqual([]);
  });
});

test('existing data survives the corners of JSON', async () => {
  const app = await start();
  const corners = {
    emptyList: [],
    emptyObject: {},
    nested: { list: [[], {}, [[]]], deep: JSON.parse(`${'[{"a":'.repeat(50)}1${'}]'.repeat(50)}`) },
    unicode: 'zoë 🦄 \u2028 \u0000 "quoted" \\ \ud83d',
    numbers: [2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 53, 0.1, 1e-7, 1e21],
    nothing: null,
    no: false,
    empty: '',
    constructor: 'a name that every object has',
    toString: 1,
  };
  const cookie = await begin(app, corners);
  for (let change = 0; change < 3; change++) {
    await createVisitor(app.url, cookie).send('POST', '/push', { item: change });
    await createVisitor(app.url, cookie).send('POST', '/set', { [`other${change}`]: change });
  }
  const { list, other0, other1, other2, ...rest } = await session(app, cookie);
  expect(rest).toEqual(JSON.parse(JSON.stringify(corners)));
  expect({ list, others: [other0, other1, other2] }).toEqual({ list: [0, 1, 2], others: [0, 1, 2] });
  const refused = await createVisitor(app.url, cookie).send('POST', '/push', '{"item":{"__proto__":{"admin":true}}}', {
    'content-type': 'application/json',
  });
  expect(refused).toMatchObject({ status: 422, body: { code: 'not-storable' } });
});

test('sessions of plain connect-redis are taken over, without logging anyone out', async () => {
  const plain = await start({ readme: true }, 'plain');
  const visitor = createVisitor(plain.url);
  await visitor.send('POST', '/login', { name: 'ada' });
  expect(visitor.cookie).toMatch(/^connect.sid=/);
  await visitor.send('POST', '/push', { item: 'before' });
  const durable = await start({ migrateFrom: 'sess:' });
  const there = createVisitor(durable.url, visitor.cookie);
  const reads = await Promise.all(Array.from({ length: 5 }, () => there.send('GET', '/me')));
  expect(reads.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  await there.send('POST', '/push', { item: 'after' });
  expect(await session(durable, visitor.cookie)).toMatchObject({ user: { id: 'ada' }, list: ['before', 'after'] });
  expect((await there.send('GET', '/sessions?user=ada')).body).toHaveLength(1);
  const [mark = ''] = (await redis.command('KEYS', 'sess:*')) as string[];
  expect(await redis.command('GET', mark)).not.toContain('ada'); // for a minute, for requests sent at the same time
  expect(await redis.command('PTTL', mark)).toBeLessThanOrEqual(60_000);
  await redis.command('DEL', mark);
  expect(there.cookie).toContain('sid=');
  // Whoever has planted the old cookie knows its id.
  expect(sessionIdOf(there.cookie)).not.toBe(sessionIdOf(visitor.cookie.replace('connect.', '')));
  expect(await session(durable, visitor.cookie)).toEqual({}); // the old cookie opens nothing any more
  expect(await session(await start(), await begin(plain))).toEqual({}); // not without being told
});

test('a cookie planted under the name of plain connect-redis opens no session of this layer', async () => {
  const app = await start({ migrateFrom: 'sess:' });
  const sid = await begin(app);
  const planted = sid.replace(/^sid=/, 'connect.sid=');
  for (const cookie of [planted.replace(/~[^.]*\./, '.'), planted]) {
    const { body, headers } = await createVisitor(app.url, cookie).send('GET', '/');
    expect({ body, cookie: headers.get('set-cookie') }).toEqual({ body: {}, cookie: null });
  }
});

test.each([10, -10])('a replica whose clock is %i minutes off ends no session early', async (minutes) => {
  const skew = `const real = Date.now; const off = ${minutes * 60_000}; const RealDate = Date; globalThis.Date = class extends RealDate { constructor(...a) { super(...(a.length ? a : [real() + off])); } static now() { return real() + off; } };`;
  const settings = { REDIS_URL: redis.url, SESSION_IDLE_SECONDS: '300', SESSION_ABSOLUTE_SECONDS: '400' };
  const replicas = [
    await spawnReplica({ ...settings, REPLICA: 'right' }),
    await spawnReplica({
      ...settings,
      REPLICA: 'skewed',
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(skew)}`,
    }),
  ];
  apps.push(
    ...replicas.map(({ child, exited }) => ({ close: async () => void (child.kill('SIGKILL') && (await exited)) })),
  );
  // Live is not ready: a replica listens for visitors once it knows whether Redis is up.
  for (const { adminUrl } of replicas)
    await until(async () => (await createVisitor(adminUrl).send('GET', '/readyz')).status === 200);
  const [right, skewed] = replicas.map(({ url }) => url) as [string, string];
  const date = new Date((await createVisitor(skewed).send('GET', '/whoami')).body.startedAt).getTime();
  expect(Math.abs(date - Date.now() - minutes * 60_000)).toBeLessThan(60_000); // it is off
  for (const [first, second] of [
    [right, skewed],
    [skewed, right],
  ] as const) {
    const visitor = createVisitor(first);
    await visitor.send('POST', '/login', { name: 'Ada' });
    for (const url of [second, first, second, first]) {
      const other = createVisitor(url, visitor.cookie);
      expect((await other.send('GET', '/profile')).status).toBe(200);
      expect((await other.send('POST', '/cart/items', { sku: 'a', quantity: 1 })).status).toBe(201);
    }
    expect((await visitor.send('GET', '/cart')).body.items).toEqual([{ sku: 'a', quantity: 4 }]);
    const { sessions } = (await createVisitor(second, visitor.cookie).send('GET', '/sessions')).body;
    for (const { lastSeenAt } of sessions)
      expect(Math.abs(Date.now() - new Date(lastSeenAt).getTime())).toBeLessThan(5000);
  }
});
