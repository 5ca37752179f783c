import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createVisitor, startTestRedis, startTestReplica, type TestRedis, until } from '../test/replica.ts';

// What one client may take of what all share, in the replicas. What nginx limits is in nginx/mode.int.test.ts.

let redis: TestRedis;
const ends: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
beforeEach(() => redis.command('FLUSHALL'));
afterEach(() => Promise.all(ends.splice(0).map((end) => end())));
afterAll(() => redis.stop());

async function start(settings: Record<string, string>) {
  const replica = await startTestReplica({ REDIS_URL: redis.url, ...settings });
  ends.push(() => replica.drain());
  return replica;
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const logIn = (url: string, name: string, address = '192.0.2.1') =>
  createVisitor(url).send('POST', '/login', { name }, { 'x-forwarded-for': address });

test('logins of an account are limited over all replicas, whatever address they come from', async () => {
  const replicas = await Promise.all([1, 2].map(() => start({ LOGINS_PER_ACCOUNT: '5' })));
  const attempt = (number: number, name: string) => logIn(replicas[number % 2]?.url ?? '', name, `192.0.2.${number}`);
  const names = ['Ada', 'ada', ' ADA ', 'Ａda', 'Ada', 'Ada', 'ADA'];
  const answers = await Promise.all(names.map((name, number) => attempt(number, name)));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 200, 429, 429]);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.body).toMatchObject({ type: 'urn:problem-type:unsticky:too-many-logins', status: 429 });
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(50);
  expect(Number(refused?.headers.get('retry-after'))).toBeLessThanOrEqual(60);
  expect(refused?.headers.get('set-cookie')).toBeNull();
  expect((await attempt(1, 'Grace')).status).toBe(200);
  // A form is a login too.
  const visitor = createVisitor(replicas[0]?.url ?? '');
  expect((await visitor.send('POST', '/page/login', 'name=Ada', { ...form, accept: 'text/html' })).status).toBe(429);
});

test('logins from an address are limited over all replicas, an IPv6 network counts as one', async () => {
  const replicas = await Promise.all([1, 2].map(() => start({ LOGINS_PER_ADDRESS: '6' })));
  const attempt = (number: number, address: string) =>
    logIn(replicas[number % 2]?.url ?? '', `User ${number}`, address);
  for (const address of ['192.0.2.7', '2001:db8::']) {
    const addresses = Array.from({ length: 8 }, (_, number) => (address.endsWith('::') ? address + number : address));
    const answers = await Promise.all(addresses.map((from, number) => attempt(number, from)));
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(2);
  }
  expect((await attempt(1, '192.0.2.8')).status).toBe(200);
});

test('a limit is over after a minute; its keys contain no name, and end with it', async () => {
  const { url } = await start({ LOGINS_PER_ACCOUNT: '1' });
  await logIn(url, 'Ada');
  expect((await logIn(url, 'Ada')).status).toBe(429);
  const [key = ''] = (await redis.command('KEYS', 'session:logins:*')) as string[];
  expect(key).not.toMatch(/ada/i);
  const left = Number(await redis.command('PTTL', key));
  expect(left).toBeGreaterThan(50_000);
  expect(left).toBeLessThanOrEqual(60_000);
  await redis.command('PEXPIRE', key, '1');
  await until(async () => (await logIn(url, 'Ada')).status === 200);
});

test('without Redis the limits do not stand in the way: a login is 503, within its deadline', async () => {
  const { url } = await start({ LOGINS_PER_ACCOUNT: '1', LOGINS_PER_ADDRESS: '1' });
  redis.process().kill('SIGSTOP');
  const began = performance.now();
  const { status, body } = await logIn(url, 'Ada').finally(() => redis.process().kill('SIGCONT'));
  expect({ status, type: body.type }).toEqual({
    status: 503,
    type: expect.stringMatching(/store-unavailable|outcome-unknown/),
  });
  expect(performance.now() - began).toBeLessThan(4000);
});

test('beyond the requests that a replica may have in progress: 503 at once, and no more once they are answered', async () => {
  const { url } = await start({ MAX_REQUESTS_IN_PROGRESS: '3', STORE_DEADLINE_MS: '2000' });
  const visitor = createVisitor(url);
  await visitor.send('POST', '/login', { name: 'Ada' });
  const stopped = redis.process();
  stopped.kill('SIGSTOP');
  const waiting = Array.from({ length: 3 }, () => createVisitor(url, visitor.cookie).send('GET', '/profile'));
  await until(async () => (await createVisitor(url).send('GET', '/whoami')).status === 503);
  const began = performance.now();
  const refused = await createVisitor(url).send('GET', '/whoami');
  const took = performance.now() - began;
  stopped.kill('SIGCONT');
  expect(refused).toMatchObject({ status: 503, body: { type: 'urn:problem-type:unsticky:overloaded' } });
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(took).toBeLessThan(1000);
  for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200);
  expect((await createVisitor(url).send('GET', '/whoami')).status).toBe(200);
});

test('what was given up by its client counts no more', async () => {
  const { url, port } = await start({ MAX_REQUESTS_IN_PROGRESS: '1', STORE_DEADLINE_MS: '60000' });
  const visitor = createVisitor(url);
  await visitor.send('POST', '/login', { name: 'Ada' });
  const stopped = redis.process();
  stopped.kill('SIGSTOP');
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET /profile HTTP/1.1\r\nHost: x\r\nCookie: ${visitor.cookie}\r\n\r\n`);
  await until(async () => (await createVisitor(url).send('GET', '/whoami')).status === 503);
  socket.destroy();
  await once(socket, 'close');
  await until(async () => (await createVisitor(url).send('GET', '/whoami')).status === 200);
  stopped.kill('SIGCONT');
});
