import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../../test/cluster.ts';
import { expectIntact, login, openVisitors, slotOfVisitor, startAdding, startClusterApp } from '../../test/list-app.ts';
import { createVisitor, startTestReplica, until } from '../../test/replica.ts';
import { shortHash } from './hash.ts';
import type { SessionsOptions } from './index.ts';
import { slotOf } from './redis/servers/topology.ts';

// Sessions on a Cluster of three primaries with a replica each, of which one fails.

let redis: TestCluster;
beforeEach(async () => {
  redis = await startTestCluster();
});
afterEach(() => redis.stop());

test.each(['SIGKILL', 'SIGSTOP'] as const)('what was acknowledged survives a primary that gets %s', async (signal) => {
  const { url, client } = await startClusterApp(redis);
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
  const { url } = await startClusterApp(redis);
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

test('a logout ends a stream on another process within a second, also after the server of its subscription has died', async () => {
  const [{ url, client }, other] = [await startClusterApp(redis), await startClusterApp(redis)];
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

test('a replica of the app on a Cluster that has lost slots is not ready, and says what to change', async () => {
  for (const port of redis.ports) await redis.command(port, 'CLUSTER', 'DELSLOTS', '100', '101').catch(() => {});
  const lines: string[] = [];
  const REDIS_CLUSTER = redis.nodes.map(({ host, port }) => `${host}:${port}`).join();
  const replica = await startTestReplica({ REDIS_CLUSTER }, lines);
  onTestFinished(() => void replica.drain());
  await until(() => lines.join('').includes('give all slots of the Cluster a server'));
  expect((await createVisitor(replica.adminUrl).send('GET', '/readyz')).status).toBe(503);
});

/** Visitors change what no replica gets; then the primary dies, and its replica takes over. */
async function loseTheUnreplicated(options: Partial<SessionsOptions>) {
  const { url } = await startClusterApp(redis, options);
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
