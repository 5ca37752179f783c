import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../../test/cluster.ts';
import { expectIntact, login, openVisitors, slotOfVisitor, startAdding, startClusterApp } from '../../test/list-app.ts';
import { createVisitor, startTestRedis, startTestReplica, until } from '../../test/replica.ts';

// Sessions on a Cluster of three primaries with a replica each, none of which fails.

let redis: TestCluster;
beforeAll(async () => {
  redis = await startTestCluster();
});
afterAll(() => redis.stop());

test('sessions are on all servers; they are written, listed and ended on all', async () => {
  const { url } = await startClusterApp(redis);
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

test('slots move under load: no request fails, and nothing is lost', async () => {
  const { url } = await startClusterApp(redis);
  const visitors = openVisitors(url).slice(0, 8);
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
  const { url } = await startClusterApp(redis);
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

test.each([
  ['servers that are not there', () => ({ REDIS_CLUSTER: '127.0.0.1:1' }), 'correct REDIS_CLUSTER'],
  ['a server of a Cluster as the only one', () => urlOf(redis.ports[0] as number), 'set REDIS_CLUSTER'],
])('a replica of the app with %s is not ready, answers 503, and says what to change', async (_, settings, advice) => {
  const lines: string[] = [];
  const replica = await startTestReplica(await settings(), lines);
  onTestFinished(() => void replica.drain());
  await until(() => lines.join('').includes(advice));
  expect((await createVisitor(replica.adminUrl).send('GET', '/readyz')).status).toBe(503);
});

const urlOf = (port: number) => ({ REDIS_URL: `redis://127.0.0.1:${port}` });
const clusterOf = () => ({ REDIS_CLUSTER: redis.nodes.map(({ host, port }) => `${host}:${port}`).join() });

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
