import { once } from 'node:events';
import { type AddressInfo, connect as connectTo, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'redis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { clientOf, startApp } from '../../test/list-app.ts';
import { createVisitor, startTestReplica, until } from '../../test/replica.ts';
import { startTestSentinels, type TestSentinels } from '../../test/sentinel.ts';
import { type Address, followPrimary, redisOptions } from './index.ts';

// Sessions on a Redis with sentinels, whose primary does not fail.

let redis: TestSentinels;
beforeAll(async () => {
  redis = await startTestSentinels();
});
afterAll(() => redis.stop());

/**
 * A network to a server that loses bytes and closes nothing.
 * @param connect is called for each connection, and returns whether these bytes of it arrive, in either direction
 * @returns where the server can be reached through it
 */
async function throughNetwork(
  { host, port }: Address,
  connect: () => (bytes: string | Buffer) => boolean,
): Promise<Address> {
  const server = createServer((near) => {
    const far = connectTo(port, host);
    const arrive = connect();
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one
        .on('data', (bytes) => arrive(bytes) && other.write(bytes))
        .on('error', () => {})
        .on('close', () => other.destroy());
  });
  onTestFinished(() => void server.close());
  server.listen(0, host);
  await once(server, 'listening');
  return { host, port: (server.address() as AddressInfo).port };
}

test('reads are one command without WAIT; all writes of a turn share one', async () => {
  const { url } = await startApp(redis);
  const visitor = createVisitor(url);
  await visitor.send('POST', '/login', { name: 'ada' });
  const port = await redis.primary();
  const count = async (name: string) => {
    const stats = String(await redis.command(port, 'INFO', 'commandstats'));
    return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  };
  const before = await count('wait');
  for (let read = 0; read < 10; read++) await visitor.send('GET', '/');
  expect(await count('wait')).toBe(before);
  await visitor.send('POST', '/add', { item: 1 });
  expect(await count('wait')).toBe(before + 1);
});

test('one sentinel that hangs costs nothing; with two, changes are refused and reads are answered', async () => {
  const { url } = await startApp(redis);
  const visitor = createVisitor(url);
  const add = async () => (await visitor.send('POST', '/add', { item: 1 })).status;
  const [first, second] = redis.sentinels.map(({ port }) => redis.process(port));
  expect(await add()).toBe(200);
  first?.kill('SIGSTOP');
  for (let time = 0; time < 20; time++) expect(await add()).toBe(200);
  second?.kill('SIGSTOP');
  expect(await visitor.send('POST', '/add', { item: 1 })).toMatchObject({
    status: 503,
    body: { code: 'outcome-unknown' },
  });
  expect((await visitor.send('GET', '/')).status).toBe(200);
  for (const sentinel of [first, second]) sentinel?.kill('SIGCONT');
  await until(async () => (await add()) === 200);
});

test('a sentinel is asked again after its machine was lost, which closes no connection, and is back', async () => {
  const lost = new Set<number>();
  /** Connections that are open when it is lost stay open and silent; later ones work. */
  const through = (address: Address) =>
    throughNetwork(address, () => {
      const isLater = lost.has(address.port);
      return () => isLater || !lost.has(address.port);
    });
  const sentinels = await Promise.all(redis.sentinels.map(through));
  const { url } = await startApp({ ...redis, sentinels });
  const visitor = createVisitor(url);
  const add = async () => (await visitor.send('POST', '/add', { item: 1 })).status;
  await until(async () => (await add()) === 200);
  const [first, second] = redis.sentinels;
  lost.add(first?.port ?? 0);
  expect(await add()).toBe(200); // two of three answer
  const other = redis.process(second?.port ?? 0);
  other.kill('SIGSTOP');
  await until(async () => (await add()) === 200); // the first again, and the third
  other.kill('SIGCONT');
});

test('one sentinel alone, which may have been away, does not say which server is the primary', async () => {
  const others = redis.sentinels.slice(1).map(({ port }) => redis.process(port));
  for (const other of others) other.kill('SIGSTOP');
  const client = followPrimary({ name: redis.name, sentinels: redis.sentinels, connectTo: clientOf });
  const errors: string[] = [];
  client.on('error', ({ message }) => errors.push(message));
  onTestFinished(() => client.destroy());
  void client.connect();
  await until(() => errors.length > 2);
  expect(client.isReady).toBe(false);
  expect(errors.at(-1)).toContain('only 1 of the sentinels');
  for (const other of others) other.kill('SIGCONT');
  await until(() => client.isReady);
});

test('a change waits for the connection for writes, which is made after that for reads', async () => {
  let made = 0;
  const connectTo = (address: Address) => {
    const client = clientOf(address);
    const connect = client.connect.bind(client);
    const isForReads = made++ === 0;
    client.connect = () => pause(isForReads ? 0 : 150).then(connect);
    return client;
  };
  const { name, sentinels } = redis;
  const client = followPrimary({ name, sentinels, connectTo, connectToSentinel: clientOf });
  client.on('error', () => {});
  onTestFinished(() => client.destroy());
  await client.connect();
  const { url } = await startApp(redis, {}, client);
  expect((await createVisitor(url).send('POST', '/add', { item: 1 })).status).toBe(200);
});

test('a user who may not WAIT does not know whether a change was made', async () => {
  const port = await redis.primary();
  await redis.command(port, 'ACL', 'SETUSER', 'app', 'on', '>app', '~*', '&*', '+@all', '-wait');
  const withUser = ({ host, port }: Address) =>
    createClient({
      ...redisOptions,
      username: 'app',
      password: 'app',
      socket: { ...redisOptions.socket, host, port },
    });
  const { name, sentinels } = redis;
  const client = followPrimary({ name, sentinels, connectTo: withUser, connectToSentinel: clientOf });
  client.on('error', () => {});
  onTestFinished(() => client.destroy());
  await client.connect();
  const { url } = await startApp(redis, {}, client);
  const answer = () => createVisitor(url).send('POST', '/add', { item: 1 });
  await until(async () => (await answer()).body.code === 'outcome-unknown');
  expect(await answer()).toMatchObject({ status: 503, body: { code: 'outcome-unknown' } });
});

test('a connection for writes that is dead is replaced, although reads are answered', async () => {
  let isCut = false;
  // From some moment on each connection that has sent a WAIT loses all bytes.
  const { port } = await throughNetwork({ host: '127.0.0.1', port: await redis.primary() }, () => {
    let isDead = false;
    return (bytes) => {
      isDead ||= isCut && bytes.includes('WAIT');
      return !isDead;
    };
  });
  const client = followPrimary({
    name: redis.name,
    sentinels: redis.sentinels,
    connectTo: ({ host }) => clientOf({ host, port }),
    connectToSentinel: clientOf,
  });
  client.on('error', () => {});
  onTestFinished(() => client.destroy());
  await client.connect();
  const { url } = await startApp(redis, {}, client);
  const visitor = createVisitor(url);
  await until(async () => (await visitor.send('POST', '/add', { item: 1 })).status === 200);
  isCut = true;
  expect((await visitor.send('POST', '/add', { item: 2 })).status).toBe(503);
  expect((await visitor.send('GET', '/')).status).toBe(200);
  isCut = false;
  await until(async () => (await visitor.send('POST', '/add', { item: 3 })).status === 200);
});

test.each([
  ['a name that no sentinel knows', { name: 'other' }, /sentinels 127.*:\d+, .* know no primary named other/],
  [
    'sentinels that are not there',
    { sentinels: [{ host: '127.0.0.1', port: 1 }] },
    /no sentinel answers at 127.0.0.1:1/,
  ],
])('%s: a clear error, and commands fail at once', async (_, more, message) => {
  const client = followPrimary({ name: redis.name, sentinels: redis.sentinels, connectTo: clientOf, ...more });
  const errors: string[] = [];
  client.on('error', (err) => errors.push(err.message));
  onTestFinished(() => client.destroy());
  void client.connect();
  await until(() => errors.some((text) => message.test(text)));
  expect(client.isReady).toBe(false);
  await expect(client.sendCommand(['PING'])).rejects.toThrow('no connection to the primary');
});

test.each([
  ['a name that no sentinel knows', () => ({ REDIS_MASTER: 'other' }), 'correct REDIS_MASTER'],
  ['sentinels that are not there', () => ({ REDIS_SENTINELS: '127.0.0.1:1' }), 'correct REDIS_SENTINELS'],
])('a replica of the app with %s is not ready, answers 503, and says what to change', async (_, wrong, advice) => {
  const lines: string[] = [];
  const right = {
    REDIS_SENTINELS: redis.sentinels.map(({ host, port }) => `${host}:${port}`).join(),
    REDIS_MASTER: redis.name,
  };
  const replica = await startTestReplica({ ...right, ...wrong() }, lines);
  onTestFinished(() => void replica.drain());
  await until(() => lines.join('').includes(advice));
  expect((await createVisitor(replica.adminUrl).send('GET', '/readyz')).status).toBe(503);
  expect((await createVisitor(replica.url).send('POST', '/login', { name: 'Ada' })).status).toBe(503);
});

test('sentinels may have a user and a password of their own', async () => {
  for (const { port } of redis.sentinels) await redis.command(port, 'ACL', 'SETUSER', 'asker', 'on', '>pass', '+@all');
  const settings = {
    REDIS_SENTINELS: redis.sentinels.map(({ host, port }) => `${host}:${port}`).join(),
    REDIS_MASTER: redis.name,
  };
  const replica = await startTestReplica({ ...settings, REDIS_SENTINEL_URL: 'redis://asker:pass@host' });
  onTestFinished(() => void replica.drain());
  await replica.ready;
  const lists = await Promise.all(redis.sentinels.map(({ port }) => redis.command(port, 'CLIENT', 'LIST')));
  for (const list of lists) expect(String(list)).toContain('user=asker');
  const lines: string[] = [];
  const other = await startTestReplica({ ...settings, REDIS_SENTINEL_URL: 'redis://asker:wrong@host' }, lines);
  onTestFinished(() => void other.drain());
  await until(() => lines.join('').includes('correct REDIS_SENTINEL_URL'));
  expect(lines.join('')).not.toContain('wrong@');
  expect((await createVisitor(other.adminUrl).send('GET', '/readyz')).status).toBe(503);
});

test('a replica of the app finds the primary by its sentinels alone', async () => {
  const REDIS_SENTINELS = redis.sentinels.map(({ host, port }) => `${host}:${port}`).join();
  const replica = await startTestReplica({ REDIS_SENTINELS, REDIS_MASTER: redis.name });
  onTestFinished(() => void replica.drain());
  await replica.ready;
  expect((await createVisitor(replica.url).send('POST', '/login', { name: 'Ada' })).status).toBe(200);
});

test('wrong options are named', () => {
  const options = { name: 'a', sentinels: [{ host: 'a', port: 1 }], connectTo: clientOf };
  const wrong = { name: '', sentinels: [], connectTo: undefined };
  for (const [name, value] of Object.entries(wrong))
    expect(() => followPrimary({ ...options, [name]: value } as never)).toThrow(TypeError(name).message);
});

test('a sentinel that names another server with the same epoch is outvoted', async () => {
  const primary = await redis.primary();
  const mistaken = await redis.startMistaken(redis.ports.find((port) => port !== primary) ?? 0);
  await until(async () => (await redis.command(mistaken.port, 'PING')) === 'PONG');
  const [, second, third] = redis.sentinels as [Address, Address, Address];
  // Wherever it is in the list. If one of the others is away, changes are refused, and reads still come from the right server.
  for (const sentinels of [
    [mistaken, second, third],
    [second, third, mistaken],
  ]) {
    const { url } = await startApp({ ...redis, sentinels });
    const visitor = createVisitor(url);
    const add = async () => (await visitor.send('POST', '/add', { item: 1 })).status;
    await until(async () => (await add()) === 200);
    for (let time = 0; time < 20; time++) expect(await add()).toBe(200);
    redis.process(third.port).kill('SIGSTOP');
    await until(async () => (await add()) === 503);
    for (let time = 0; time < 20; time++) expect((await visitor.send('GET', '/')).status).toBe(200);
    redis.process(third.port).kill('SIGCONT');
    await until(async () => (await add()) === 200);
  }
});
