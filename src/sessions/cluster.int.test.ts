import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../../test/cluster.ts';
import { clientOf, keepAdding, openVisitors, serveApp } from '../../test/list-app.ts';
import { createVisitor, sessionIdOf, startTestRedis, startTestReplica, until } from '../../test/replica.ts';
import { handleOf, keyOfHandle, shortHash } from './hash.ts';
import { followCluster, type SessionsOptions } from './index.ts';
import { slotOf } from './redis/slots.ts';

// Sessions on a Cluster of three primaries with a replica each.

let redis: TestCluster;
beforeEach(async () => {
  redis = await startTestCluster();
});
afterEach(() => redis.stop());

async function start(options: Partial<SessionsOptions> = {}) {
  const client = followCluster({ nodes: redis.nodes.slice(0, 1), connectTo: clientOf });
  client.on('error', () => {});
  onTestFinished(() => client.destroy());
  await client.connect();
  return { client, url: await serveApp(client, options) };
}

/** Logs all in. */
async function login(visitors: ReturnType<typeof openVisitors>): Promise<void> {
  for (const [number, { visitor }] of visitors.entries())
    expect((await visitor.send('POST', '/login', { name: `user-${number}` })).status).toBe(200);
}

/** Each is who it was, and has what it has added. */
async function expectIntact(visitors: ReturnType<typeof openVisitors>): Promise<void> {
  for (const [number, { visitor, added }] of visitors.entries()) {
    const { body } = await visitor.send('GET', '/');
    expect(body.user).toEqual({ id: `user-${number}` });
    expect(body.list).toEqual(expect.arrayContaining(added));
  }
}

/** All add items until the end. */
function startAdding(visitors: ReturnType<typeof openVisitors>) {
  let isOver = false;
  const adding = keepAdding(visitors, () => isOver);
  const end = () => {
    isOver = true;
    return adding;
  };
  onTestFinished(async () => void (await end()));
  return { end };
}

const slotOfVisitor = (visitor: { cookie: string }) => slotOf(keyOfHandle(handleOf(sessionIdOf(visitor.cookie))));

test('sessions are on all servers; they are written, listed and ended on all', async () => {
  const { url } = await start();
  const visitors = openVisitors(url);
  await login(visitors);
  const adding = startAdding(visitors);
  await until(() => visitors.every(({ added }) => added.length > 2));
  expect([...(await adding.end()).codes]).toEqual([]);
  await expectIntact(visitors);
  const owners = await Promise.all(visitors.map(({ visitor }) => redis.ownerOf(slotOfVisitor(visitor))));
  expect(new Set(owners).size).toBe(3);

  const second = createVisitor(url);
  for (let number = 0; number < 5; number++) await createVisitor(url).send('POST', '/login', { name: 'user-0' });
  await second.send('POST', '/login', { name: 'user-0' });
  expect((await second.send('POST', '/logout-everywhere')).body).toBe(7);
  expect((await visitors[0]?.visitor.send('GET', '/'))?.body.user).toBeNull();
});

test.each(['SIGKILL', 'SIGSTOP'] as const)('what was acknowledged survives a primary that gets %s', async (signal) => {
  const { url, client } = await start();
  const visitors = openVisitors(url);
  await login(visitors);
  const adding = startAdding(visitors);
  await until(() => visitors.every(({ added }) => added.length > 0));
  const [{ visitor }] = visitors as [(typeof visitors)[number]];
  const own = createVisitor(url, visitor.cookie);
  const slot = slotOfVisitor(visitor);
  const old = await redis.ownerOf(slot);
  const other = redis.ports.find((port) => port !== old) as number;
  redis.process(old).kill(signal);
  const died = performance.now();
  await until(async () => (await redis.ownerOf(slot, other)) !== old && (await own.send('GET', '/')).status === 200);
  expect(performance.now() - died).toBeLessThan(5000);
  // Its successor has no replica, so nothing is acknowledged until it is back as one.
  expect((await own.send('POST', '/add', { item: -1 })).status).toBe(503);
  if (signal === 'SIGSTOP') redis.process(old).kill('SIGCONT');
  else await redis.start(old);
  await until(async () => (await own.send('POST', '/add', { item: -2 })).status === 200);
  const { codes, slowestMs } = await adding.end();
  await expectIntact(visitors);
  expect([...codes].filter((code) => !/^503 (store-unavailable|outcome-unknown)$/.test(code))).toEqual([]);
  expect(slowestMs).toBeLessThan(1000);
  expect(client.failovers).toBe(1);
});

test('a log-out everywhere that could not end all sessions has not ended its own, and can be sent again', async () => {
  const { url } = await start();
  const visitors = Array.from({ length: 12 }, () => createVisitor(url));
  for (const visitor of visitors) await visitor.send('POST', '/login', { name: 'ada' });
  const owners = await Promise.all(visitors.map((visitor) => redis.ownerOf(slotOfVisitor(visitor))));
  const dead = await redis
    .ownerOf(slotOf(`session:user:${shortHash('ada')}`))
    .then((listed) => owners.find((port) => port !== listed));
  const own = visitors.find((_, at) => owners[at] !== dead);
  const others = visitors.filter((_, at) => owners[at] === dead);
  redis.process(dead as number).kill('SIGKILL');
  const answer = await own?.send('POST', '/logout-everywhere');
  expect(answer?.status).toBe(503);
  expect((await own?.send('GET', '/'))?.body.user).toEqual({ id: 'ada' });
  await redis.start(dead as number);
  await until(async () => (await own?.send('POST', '/logout-everywhere'))?.status === 200);
  for (const other of others) expect((await other.send('GET', '/')).body.user).toBeNull();
});

test('slots move under load: no request fails, and nothing is lost', async () => {
  const { url } = await start();
  const visitors = openVisitors(url);
  await login(visitors);
  const adding = startAdding(visitors);
  for (const { visitor } of visitors) {
    const slot = slotOfVisitor(visitor);
    const from = await redis.ownerOf(slot);
    const to = redis.ports.slice(0, 3).find((port) => port !== from) as number;
    await redis.moveSlot(slot, to);
    expect((await visitor.send('POST', '/add', { item: -1 })).status).toBe(200);
  }
  expect([...(await adding.end()).codes]).toEqual([]);
  await expectIntact(visitors);
});

test('while a slot is half moved, reads are answered, and a change waits for the rest or is refused', async () => {
  const { url } = await start();
  const visitor = createVisitor(url);
  await visitor.send('POST', '/add', { item: 1 }, { 'idempotency-key': 'a' }); // its response is another key of the slot
  const slot = slotOfVisitor(visitor);
  const from = await redis.ownerOf(slot);
  const to = redis.ports.slice(0, 3).find((port) => port !== from) as number;
  const add = (item: number) => createVisitor(url, visitor.cookie).send('POST', '/add', { item });
  let late: ReturnType<typeof add> | undefined;
  await redis.moveSlot(slot, to, async () => {
    if (late) return;
    expect((await visitor.send('GET', '/')).body.list).toEqual([1]);
    const asked = performance.now();
    expect(await add(2)).toMatchObject({ status: 503, body: { code: 'store-unavailable' } });
    expect(performance.now() - asked).toBeLessThan(1000);
    late = add(3);
  });
  expect(await late).toMatchObject({ status: 200, body: [1, 3] });
});

test('a logout ends a stream on another process within a second, also after the server of its subscription has died', async () => {
  const [{ url, client }, other] = [await start(), await start()];
  const visitor = createVisitor(url);
  /** @returns how long its stream stays open after a logout */
  async function openAndLogOut(): Promise<number> {
    await until(async () => (await visitor.send('POST', '/login', { name: 'ada' })).status === 200);
    const response = await fetch(`${url}/stream`, { headers: { cookie: visitor.cookie } });
    const text = response.text();
    await until(async () => (await createVisitor(other.url, visitor.cookie).send('POST', '/logout')).status === 204);
    const asked = performance.now();
    expect(await text).toBe('begin session-ended');
    return performance.now() - asked;
  }
  await openAndLogOut(); // then the subscription is made
  expect(await openAndLogOut()).toBeLessThan(1000);
  const subscribers = await Promise.all(
    [...client.primaries.keys()].map(async (server) => {
      const port = Number(server.split(':')[1]);
      const list = String(await redis.command(port, 'CLIENT', 'LIST', 'TYPE', 'pubsub'));
      return list.trim() === '' ? [] : [port];
    }),
  );
  const [port = 0] = subscribers.flat();
  redis.process(port).kill('SIGKILL');
  await redis.start(port);
  await openAndLogOut();
  expect(await openAndLogOut()).toBeLessThan(1000);
});

test.each([
  ['servers that are not there', () => ({ REDIS_CLUSTER: '127.0.0.1:1' }), 'correct REDIS_CLUSTER'],
  ['a server of a Cluster as the only one', () => urlOf(redis.ports[0] as number), 'set REDIS_CLUSTER'],
  ['only half a Cluster', () => halfOf(), 'give all slots of the Cluster a server'],
])('a replica of the app with %s is not ready, answers 503, and says what to change', async (_, settings, advice) => {
  const lines: string[] = [];
  const replica = await startTestReplica(await settings(), lines);
  onTestFinished(() => void replica.drain());
  await until(() => lines.join('').includes(advice));
  expect((await createVisitor(replica.adminUrl).send('GET', '/readyz')).status).toBe(503);
});

const urlOf = (port: number) => ({ REDIS_URL: `redis://127.0.0.1:${port}` });
const clusterOf = () => ({ REDIS_CLUSTER: redis.nodes.map(({ host, port }) => `${host}:${port}`).join() });

/** Slots without a server. */
async function halfOf() {
  for (const port of redis.ports) await redis.command(port, 'CLUSTER', 'DELSLOTS', '100', '101').catch(() => {});
  return clusterOf();
}

test('a replica of the app that is given a single Redis as a Cluster says what to set', async () => {
  const single = await startTestRedis();
  onTestFinished(() => single.stop());
  const lines: string[] = [];
  const replica = await startTestReplica({ REDIS_CLUSTER: `127.0.0.1:${single.port}` }, lines);
  onTestFinished(() => void replica.drain());
  await until(() => lines.join('').includes('set REDIS_URL instead of REDIS_CLUSTER'));
});

test('a replica of the app finds the servers of a Cluster by one of them', async () => {
  const lines: string[] = [];
  const replica = await startTestReplica({ REDIS_CLUSTER: `127.0.0.1:${redis.ports[4]}` }, lines);
  onTestFinished(() => void replica.drain());
  await replica.ready;
  const visitor = createVisitor(replica.url);
  expect((await visitor.send('POST', '/login', { name: 'Ada' })).status).toBe(200);
  expect((await visitor.send('GET', '/sessions')).body.sessions).toHaveLength(1);
  expect(lines.join('')).toContain('"primaries":["127.0.0.1:');
  expect(lines.join('')).not.toMatch(/"level":[4-6]0.*Redis/);
});

test('a user with the rights that are documented is enough; without those of a Cluster, the log says which', async () => {
  const rights = (text: string) =>
    Promise.all(redis.ports.map((port) => redis.command(port, 'ACL', 'SETUSER', 'app', ...text.split(' '))));
  await rights('on >pass -@all ~session:* &session:* +@read +@write +@scripting +@pubsub +time +wait +role');
  const lines: string[] = [];
  const REDIS_URL = `redis://app:pass@127.0.0.1:${redis.ports[0]}`;
  const replica = await startTestReplica({ ...clusterOf(), REDIS_URL }, lines);
  onTestFinished(() => void replica.drain());
  await until(() => lines.join('').includes('give its user the rights +cluster|slots +cluster|nodes +asking'));
  await rights('+cluster|slots +cluster|nodes +asking');
  await replica.ready;
  const visitor = createVisitor(replica.url);
  expect((await visitor.send('POST', '/login', { name: 'Ada' })).status).toBe(200);
  expect((await visitor.send('POST', '/cart/items', { sku: 'a', quantity: 1 })).status).toBe(201);
  expect((await visitor.send('DELETE', '/sessions')).status).toBe(204);
  const wrong: string[] = [];
  const other = await startTestReplica({ ...clusterOf(), REDIS_URL: REDIS_URL.replace('pass', 'wrong') }, wrong);
  onTestFinished(() => void other.drain());
  await until(() => wrong.join('').includes('Redis wants another user or password'));
});

/** Visitors change what no replica gets; then the primary dies, and its replica takes over. */
async function loseTheUnreplicated(options: Partial<SessionsOptions>) {
  const { url } = await start(options);
  const visitor = createVisitor(url);
  await visitor.send('POST', '/add', { item: 1 });
  const slot = slotOfVisitor(visitor);
  const old = await redis.ownerOf(slot);
  // They cannot log in any more. One that hangs would still get what the kernel has received for it.
  for (const replica of redis.ports.slice(3)) await redis.command(replica, 'CONFIG', 'SET', 'masterauth', 'wrong');
  await redis.command(old, 'CLIENT', 'KILL', 'TYPE', 'replica');
  const { status } = await visitor.send('POST', '/add', { item: 2 });
  redis.process(old).kill('SIGKILL');
  const other = redis.ports.find((port) => port !== old) as number;
  await until(async () => (await redis.ownerOf(slot, other)) !== old);
  const { body } = await until(async () => {
    const read = await createVisitor(url, visitor.cookie).send('GET', '/');
    return read.status === 200 && read;
  });
  return { status, isWriteLost: !body.list.includes(2) };
}

test('what no replica has is not acknowledged', async () => {
  expect(await loseTheUnreplicated({})).toEqual({ status: 503, isWriteLost: true });
});

test('without waiting for replicas, an acknowledged change is lost', async () => {
  expect(await loseTheUnreplicated({ waitReplicas: 0 })).toEqual({ status: 200, isWriteLost: true });
});
