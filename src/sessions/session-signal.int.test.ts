import { once } from 'node:events';
import express from 'express';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createVisitor, startTestRedis, type TestRedis, until } from '../../test/replica.ts';
import {
  createSessions,
  destroySession,
  redisOptions,
  renewSession,
  revokeSessions,
  type SessionsOptions,
  sessionSignal,
} from './index.ts';
import { SessionRepository } from './repository.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
const late: [aborted: boolean, reason: string][] = [];
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
  if (redis.process().signalCode !== null) await redis.start();
});
afterAll(() => redis.stop());

/** A replica with a stream that ends with its session. */
async function start(options: Partial<SessionsOptions> = {}, url = redis.url) {
  const client = createClient({ url, ...redisOptions });
  client.on('error', () => {});
  await client.connect();
  const app = express();
  app.use(express.json(), createSessions({ client, secrets: ['s'.repeat(32)], ...options }));
  app.post('/login', async (req, res) => {
    await renewSession(req, (draft) => Object.assign(draft, { user: { id: 'ada' } }));
    res.json({});
  });
  app.post('/logout', async (req, res) => {
    await destroySession(req);
    res.json({});
  });
  app.delete('/sessions', async (req, res) => void res.json(await revokeSessions(req, 'ada')));
  app.get('/me', (req, res) => void res.json(req.session));
  app.get('/late', (req, res) => {
    res.once('close', () => {
      const { aborted, reason } = sessionSignal(req);
      late.push([aborted, (reason as Error).name]);
    });
    res.end();
  });
  app.get('/stream', (req, res) => {
    const signal = sessionSignal(req);
    const end = () => res.end(`end: ${signal.reason.code}`);
    res.write('begin\n');
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  cleanUp.push(() => {
    server.closeAllConnections();
    server.close();
    client.destroy();
  });
  return `http://127.0.0.1:${port}`;
}

async function logIn(url: string) {
  const visitor = createVisitor(url);
  expect((await visitor.send('POST', '/login')).status).toBe(200);
  return visitor;
}

/** Opens a stream. @returns what was sent so far, and when it ended */
async function open(url: string, cookie: string) {
  const leaving = new AbortController();
  cleanUp.push(() => leaving.abort());
  const response = await fetch(`${url}/stream`, { headers: { cookie }, signal: leaving.signal });
  const stream = { text: '', endedAt: 0, leave: () => leaving.abort() };
  const read = async () => {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) stream.text += Buffer.from(chunk);
    stream.endedAt = performance.now();
  };
  read().catch(() => {});
  await until(() => stream.text.startsWith('begin'));
  return stream;
}

/** The part of a session's id that names its keys. */
const homeOf = (cookie: string) => decodeURIComponent(cookie).slice('sid=s:'.length).slice(0, 8);

/** Its subscription works once a stream of another session has ended by it. */
async function ready(url: string) {
  const visitor = await logIn(url);
  const stream = await open(url, visitor.cookie);
  await visitor.send('POST', '/logout');
  await until(() => stream.endedAt > 0);
}

test.each([
  ['a logout', (url: string, cookie: string) => createVisitor(url, cookie).send('POST', '/logout')],
  ['"log out everywhere"', (url: string) => createVisitor(url).send('DELETE', '/sessions')],
  [
    'a new login in the same browser',
    (url: string, cookie: string) => createVisitor(url, cookie).send('POST', '/login'),
  ],
])('%s on one replica ends the streams of that session on all within a second', async (_, act) => {
  const urls = [await start(), await start()];
  for (const url of urls) await ready(url);
  const { cookie } = await logIn(urls[0] as string);
  const streams = await Promise.all([...urls, ...urls].map((url) => open(url, cookie)));
  const began = performance.now();
  await act(urls[0] as string, cookie);
  await until(() => streams.every(({ endedAt }) => endedAt > 0));
  for (const { text, endedAt } of streams) {
    expect(text).toBe('begin\nend: session-ended');
    expect(endedAt - began).toBeLessThan(1000);
  }
});

test('the streams of other sessions stay open', async () => {
  const url = await start();
  const [one, other] = [await logIn(url), await logIn(url)];
  const [first, second] = [await open(url, one.cookie), await open(url, other.cookie)];
  await one.send('POST', '/logout');
  await until(() => first.endedAt > 0);
  await other.send('GET', '/me');
  expect(second.text).toBe('begin\n');
});

test('a session that is not used ends what is open in it, one that is used does not', async () => {
  const url = await start({ idleSeconds: 1 });
  const [idle, busy] = [await logIn(url), await logIn(url)];
  const [left, kept] = [await open(url, idle.cookie), await open(url, busy.cookie)];
  await until(async () => {
    await busy.send('GET', '/me');
    return left.endedAt > 0;
  });
  expect(left.text).toBe('begin\nend: session-ended');
  expect(kept.text).toBe('begin\n');
  await until(() => kept.endedAt > 0);
});

test('the absolute end of a session ends what is open in it, however much it is used', async () => {
  const url = await start({ idleSeconds: 60, absoluteSeconds: 1 });
  const visitor = await logIn(url);
  const stream = await open(url, visitor.cookie);
  await until(() => stream.endedAt > 0);
  expect(stream.text).toBe('begin\nend: session-ended');
});

test('without a session it is aborted already', async () => {
  const response = await fetch(`${await start()}/stream`);
  expect(await response.text()).toBe('begin\nend: session-ended');
});

test('a session that ended while the subscription was lost ends what is open as soon as it is back', async () => {
  const url = await start();
  const [ended, kept] = [await logIn(url), await logIn(url)];
  const [first, second] = [await open(url, ended.cookie), await open(url, kept.cookie)];
  await ready(url);
  // Deleted without a message: as one that was missed.
  await redis.command('DEL', ...((await redis.command('KEYS', `session:{${homeOf(ended.cookie)}}*`)) as string[]));
  await createVisitor(url, kept.cookie).send('GET', '/me');
  expect(first.text).toBe('begin\n');
  await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await until(() => first.endedAt > 0);
  expect(first.text).toBe('begin\nend: session-ended');
  expect(second.text).toBe('begin\n');
});

test('a restart of Redis ends nothing whose session it has kept', async () => {
  const keeping = await startTestRedis({ appendOnly: true });
  cleanUp.push(() => keeping.stop());
  const url = await start({}, keeping.url);
  const visitor = await logIn(url);
  const stream = await open(url, visitor.cookie);
  await ready(url);
  await keeping.stop();
  await keeping.start();
  await until(async () => (await visitor.send('GET', '/me')).status === 200);
  await ready(url);
  expect(stream.text).toBe('begin\n');
  await visitor.send('POST', '/logout');
  await until(() => stream.endedAt > 0);
  expect(stream.text).toBe('begin\nend: session-ended');
});

test('if Redis cannot be reached for 5 s, what is open ends: its session may have ended', async () => {
  const url = await start();
  const { cookie } = await logIn(url);
  const stream = await open(url, cookie);
  await ready(url);
  redis.process().kill('SIGSTOP');
  const began = performance.now();
  await until(() => stream.endedAt > 0);
  redis.process().kill('SIGCONT');
  expect(stream.text).toBe('begin\nend: store-unavailable');
  expect(stream.endedAt - began).toBeGreaterThan(4000);
});

test('nothing is kept of what was closed, nor of a session that has ended', async () => {
  const client = createClient({ url: redis.url });
  await client.connect();
  cleanUp.push(() => client.destroy());
  const { openSessions } = new SessionRepository({ client, secrets: ['s'.repeat(32)] });
  const watch = (handle: string) => openSessions.watch(handle, Infinity, new AbortController());
  const forgets = [watch('one'), watch('one'), watch('two'), watch('two')];
  expect(openSessions.size).toBe(2);
  for (const forget of forgets.slice(0, 3)) forget();
  expect(openSessions.size).toBe(1);
  await until(() => openSessions.size === 0); // there is no such session
  forgets[3]?.();
  expect(openSessions.size).toBe(0);
});

test('for a response that is closed already it is aborted, and nothing is kept', async () => {
  const url = await start();
  const { cookie } = await logIn(url);
  await createVisitor(url, cookie).send('GET', '/late');
  await until(() => late.length > 0);
  expect(late).toEqual([[true, 'AbortError']]);
});

test('a client that cannot subscribe is a TypeError', async () => {
  const client = createClient({ url: redis.url });
  await client.connect();
  cleanUp.push(() => client.destroy());
  const limited = {
    isReady: true,
    isOpen: true,
    on: () => {},
    sendCommand: (command: string[]) => client.sendCommand(command),
  };
  const { openSessions } = new SessionRepository({ client: limited as never, secrets: ['s'.repeat(32)] });
  expect(() => openSessions.watch('one', Infinity, new AbortController())).toThrow(TypeError);
  expect(openSessions.size).toBe(0);
});
