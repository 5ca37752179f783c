import express from 'express';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTo, createServer, type Server } from 'node:net';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createVisitor, startTestReplica, until } from '../../test/replica.ts';
import { startTestSentinels, type TestSentinels } from '../../test/sentinel.ts';
import {
  createSessions,
  destroySession,
  followPrimary,
  type PrimaryClient,
  redisOptions,
  renewSession,
  updateSession,
} from './index.ts';

// Sessions on a Redis that fails over: a primary, two replicas and three sentinels.

let redis: TestSentinels;

const clientOf = ({ host, port }: { host: string; port: number }) =>
  createClient({ ...redisOptions, socket: { ...redisOptions.socket, host, port } });

async function connect() {
  const client = followPrimary({ name: redis.name, sentinels: redis.sentinels, connectTo: clientOf });
  client.on('error', () => {});
  onTestFinished(() => client.destroy());
  await client.connect();
  return client;
}

async function startApp(options: { waitReplicas?: number } = {}, given?: PrimaryClient) {
  const client = given ?? (await connect());
  const app = express().use(express.json());
  app.use(createSessions({ client, secrets: ['s'.repeat(32)], ...options }));
  app.post('/login', async (req, res) => {
    await renewSession(req, (session) => Object.assign(session, { user: { id: req.body.name } }));
    res.json(true);
  });
  app.post('/add', async (req, res) => {
    const add = (session: { list?: number[] }) => (session.list = [...(session.list ?? []), req.body.item]);
    res.json(await updateSession(req, add as never));
  });
  app.post('/logout', async (req, res) => {
    await destroySession(req);
    res.status(204).end();
  });
  app.get('/', (req, res) => {
    const { user, list } = req.session as { user?: object; list?: number[] };
    res.json({ user: user ?? null, list: list ?? [] });
  });
  app.use(
    ((err, _req, res, _next) =>
      void res.status(err.status ?? 500).json({ code: err.code })) as express.ErrorRequestHandler,
  );
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { client, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Replicas hear nothing of their primary any more, visitors write, the primary dies, and a replica takes over. @returns what was acknowledged, and what is lost of it */
async function loseTheUnreplicated(options: { waitReplicas?: number }) {
  const { url } = await startApp(options);
  const [ada, eve] = [createVisitor(url), createVisitor(url)];
  for (const [visitor, name] of [
    [ada, 'ada'],
    [eve, 'eve'],
  ] as const) {
    await visitor.send('POST', '/login', { name });
    await visitor.send('POST', '/add', { item: 1 });
  }
  const eves = createVisitor(url, eve.cookie);
  const old = await redis.primary();
  const others = redis.ports.filter((port) => port !== old);
  // One that hangs would still get what the kernel has received for it.
  await redis.command(old, 'CONFIG', 'SET', 'min-replicas-to-write', '0');
  for (const port of others) await redis.command(port, 'REPLICAOF', '127.0.0.1', '1');
  const add = () => ada.send('POST', '/add', { item: 2 }, { 'idempotency-key': 'a' });
  const [added, out] = await Promise.all([add(), eve.send('POST', '/logout')]);
  // A repeat finds what the first has done, and that may be lost like the first.
  const [again, outAgain] = await Promise.all([add(), createVisitor(url, eves.cookie).send('POST', '/logout')]);
  redis.process(old).kill('SIGKILL');
  await until(async () => (await createVisitor(url).send('POST', '/add', { item: 0 })).status === 200);
  const list = (await ada.send('GET', '/')).body.list as number[];
  const repeated = await add();
  return {
    statuses: [added, out, again, outAgain].map(({ status }) => status),
    isWriteLost: !list.includes(2),
    isLogoutUndone: (await eves.send('GET', '/')).body.user !== null,
    repeated: repeated.body as number[],
  };
}

describe('when the primary fails', () => {
  beforeEach(async () => {
    redis = await startTestSentinels();
  });
  afterEach(() => redis.stop());

  test('what was acknowledged survives the death of the primary, and requests are answered meanwhile', async () => {
    const { url } = await startApp();
    const visitors = Array.from({ length: 20 }, () => ({ visitor: createVisitor(url), added: [] as number[] }));
    for (const [number, { visitor }] of visitors.entries())
      expect((await visitor.send('POST', '/login', { name: `user-${number}` })).status).toBe(200);
    const left = createVisitor(url, visitors[0]?.visitor.cookie);
    let isOver = false;
    let [slowestMs, item] = [0, 0];
    const codes = new Set<string>();
    const busy = visitors.slice(1).map(async ({ visitor, added }) => {
      while (!isOver) {
        const start = performance.now();
        const own = ++item;
        const { status, body } = await visitor.send('POST', '/add', { item: own });
        slowestMs = Math.max(slowestMs, performance.now() - start);
        if (status === 200) added.push(own);
        else codes.add(`${status} ${body.code}`);
      }
    });
    const old = await redis.primary();
    expect((await left.send('POST', '/logout')).status).toBe(204);
    redis.process(old).kill('SIGKILL');
    const died = performance.now();
    const other = createVisitor(url);
    await until(async () => (await other.send('POST', '/add', { item: 0 })).status === 200).finally(() => {
      isOver = true;
    });
    const awayMs = performance.now() - died;
    await Promise.all(busy);
    await until(async () => (await redis.primary()) !== old); // the sentinel that is asked here may learn it later
    for (const [number, { visitor, added }] of visitors.entries()) {
      if (number === 0) continue;
      const { body } = await visitor.send('GET', '/');
      expect(body.user).toEqual({ id: `user-${number}` });
      expect(body.list).toEqual(expect.arrayContaining(added));
    }
    // The logout is not undone.
    expect((await left.send('GET', '/')).body.user).toBeNull();
    for (const code of codes) expect(code).toMatch(/^503 (store-unavailable|outcome-unknown)$/);
    expect(slowestMs).toBeLessThan(1000);
    expect(awayMs).toBeLessThan(5000);
  });

  test('what no replica has is not acknowledged, not to a repeat either', async () => {
    expect(await loseTheUnreplicated({})).toEqual({
      statuses: [503, 503, 503, 503],
      isWriteLost: true,
      isLogoutUndone: true,
      repeated: [1, 2],
    });
  });

  test('without waiting for replicas, acknowledged changes are lost', async () => {
    expect(await loseTheUnreplicated({ waitReplicas: 0 })).toMatchObject({
      statuses: [200, 204, 200, 204],
      isWriteLost: true,
      isLogoutUndone: true,
    });
  });

  test('a primary that hangs is replaced; when it continues, no client uses it', async () => {
    const { url, client } = await startApp();
    const visitor = createVisitor(url);
    const old = await redis.primary();
    redis.process(old).kill('SIGSTOP');
    const began = performance.now();
    await until(async () => (await visitor.send('POST', '/add', { item: 1 })).status === 200);
    expect(performance.now() - began).toBeLessThan(5000);
    redis.process(old).kill('SIGCONT');
    // It closes its connections when it becomes a replica.
    const roleOf = async (port: number) => ((await redis.command(port, 'ROLE').catch(() => ['master'])) as string[])[0];
    for (let item = 2; (await roleOf(old)) === 'master'; item++)
      expect((await visitor.send('POST', '/add', { item })).status).toBe(200);
    const info = String(await client.sendCommand(['INFO', 'server']));
    expect(info).toContain(`tcp_port:${await redis.primary()}`);
    expect(info).not.toContain(`tcp_port:${old}`);
  });
});

/** Visitors add items until `isOver`. @returns for each visitor what was acknowledged */
function keepAdding(url: string, isOver: () => boolean) {
  const visitors = Array.from({ length: 20 }, () => ({ visitor: createVisitor(url), added: [] as number[] }));
  let item = 0;
  const busy = visitors.map(async ({ visitor, added }) => {
    while (!isOver()) {
      const own = ++item;
      const { status } = await visitor.send('POST', '/add', { item: own });
      if (status === 200) added.push(own);
    }
  });
  return { visitors, ended: Promise.all(busy) };
}

describe('when a primary is replaced that is alive, and its other replica confirms what it writes', () => {
  beforeEach(async () => {
    redis = await startTestSentinels();
  });
  afterEach(() => redis.stop());

  test.each([1, 2, 3])('nothing acknowledged is lost (%i)', async (number) => {
    const { url } = await startApp();
    let isOver = false;
    const { visitors, ended } = keepAdding(url, () => isOver);
    await until(() => visitors.every(({ added }) => added.length > 0));
    const old = await redis.primary();
    const leader = redis.sentinels[number - 1]?.port as number;
    await redis.command(leader, 'SENTINEL', 'FAILOVER', redis.name);
    await until(async () => (await redis.primary()) !== old);
    await until(async () => (await createVisitor(url).send('POST', '/add', { item: 0 })).status === 200);
    isOver = true;
    await ended;
    for (const { visitor, added } of visitors)
      expect((await visitor.send('GET', '/')).body.list).toEqual(expect.arrayContaining(added));
  });
});

describe('while nothing fails', () => {
  beforeAll(async () => {
    redis = await startTestSentinels();
  });
  afterAll(() => redis.stop());

  test('reads are one command without WAIT; all writes of a turn share one', async () => {
    const { url } = await startApp();
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
    const { url } = await startApp();
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

  test('a connection for writes that is dead is replaced, although reads are answered', async () => {
    let isCut = false;
    const servers: Server[] = [];
    onTestFinished(() => {
      for (const server of servers) server.close();
    });
    /** A network that from some moment on loses all bytes of each connection that has sent a WAIT. */
    const through = async ({ host, port }: { host: string; port: number }) => {
      const server = createServer((near) => {
        const far = connectTo(port, host);
        let isDead = false;
        near.on('data', (bytes) => {
          isDead ||= isCut && bytes.includes('WAIT');
          if (!isDead) far.write(bytes);
        });
        far.on('data', (bytes) => isDead || near.write(bytes));
        for (const [one, other] of [
          [near, far],
          [far, near],
        ] as const)
          one.on('error', () => {}).on('close', () => other.destroy());
      });
      servers.push(server);
      server.listen(0, host);
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    };
    const port = await through({ host: '127.0.0.1', port: await redis.primary() });
    const client = followPrimary({
      name: redis.name,
      sentinels: redis.sentinels,
      connectTo: ({ host }) => clientOf({ host, port }),
      connectToSentinel: clientOf,
    });
    client.on('error', () => {});
    onTestFinished(() => client.destroy());
    await client.connect();
    const { url } = await startApp({}, client);
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
});
