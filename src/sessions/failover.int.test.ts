import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keepAdding, openVisitors, startApp } from '../../test/list-app.ts';
import { createVisitor, until } from '../../test/replica.ts';
import { startTestSentinels, type TestSentinels } from '../../test/sentinel.ts';

// Sessions on a Redis that fails over: a primary, two replicas and three sentinels.

let redis: TestSentinels;

/**
 * The replicas of Redis are cut off from the primary, visitors write, the primary dies, and a replica takes over.
 * @returns what was acknowledged, and what of it is lost
 */
async function loseTheUnreplicated(options: { waitReplicas?: number }) {
  const { url } = await startApp(redis, options);
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
    const { url } = await startApp(redis);
    const visitors = openVisitors(url);
    for (const [number, { visitor }] of visitors.entries())
      expect((await visitor.send('POST', '/login', { name: `user-${number}` })).status).toBe(200);
    const left = createVisitor(url, visitors[0]?.visitor.cookie);
    let isOver = false;
    const adding = keepAdding(visitors.slice(1), () => isOver);
    const old = await redis.primary();
    expect((await left.send('POST', '/logout')).status).toBe(204);
    redis.process(old).kill('SIGKILL');
    const died = performance.now();
    const other = createVisitor(url);
    await until(async () => (await other.send('POST', '/add', { item: 0 })).status === 200).finally(() => {
      isOver = true;
    });
    const awayMs = performance.now() - died;
    const { codes, slowestMs } = await adding;
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

  test('with patience requests wait for the successor: only the changes that were under way get 503', async () => {
    const { url } = await startApp(redis, { patienceMs: 8000 });
    const visitors = openVisitors(url);
    let isOver = false;
    const adding = keepAdding(visitors, () => isOver);
    await until(() => visitors.every(({ added }) => added.length > 0));
    const old = await redis.primary();
    redis.process(old).kill('SIGKILL');
    const read = await visitors[0]?.visitor.send('GET', '/');
    expect(read?.status).toBe(200);
    const counts = visitors.map(({ added }) => added.length);
    await until(() => visitors.every(({ added }, at) => added.length > (counts[at] ?? 0)));
    isOver = true;
    const { codes, refused } = await adding;
    expect([...codes].filter((code) => code !== '503 outcome-unknown')).toEqual([]);
    expect(refused).toBeLessThanOrEqual(2 * visitors.length);
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
    const { url, client } = await startApp(redis);
    const visitor = createVisitor(url);
    const old = await redis.primary();
    redis.process(old).kill('SIGSTOP');
    const began = performance.now();
    await until(async () => (await visitor.send('POST', '/add', { item: 1 })).status === 200);
    expect(performance.now() - began).toBeLessThan(5000);
    redis.process(old).kill('SIGCONT');
    // It closes its connections when it becomes a replica.
    const roleOf = async (port: number) => ((await redis.command(port, 'ROLE').catch(() => ['master'])) as string[])[0];
    for (let item = 2; (await roleOf(old)) === 'master'; item++) {
      expect((await visitor.send('POST', '/add', { item })).status).toBe(200);
      await sleep(20); // it may take 15 s, and a session has 16 KiB
    }
    const info = String(await client.sendCommand(['INFO', 'server']));
    expect(info).toContain(`tcp_port:${await redis.primary()}`);
    expect(info).not.toContain(`tcp_port:${old}`);
  });
});

describe('when a primary is replaced that is alive, and its other replica confirms what it writes', () => {
  beforeEach(async () => {
    redis = await startTestSentinels();
  });
  afterEach(() => redis.stop());

  test.each([1, 2, 3])('nothing acknowledged is lost (%i)', async (number) => {
    const { url } = await startApp(redis);
    let isOver = false;
    const visitors = openVisitors(url);
    const adding = keepAdding(visitors, () => isOver);
    await until(() => visitors.every(({ added }) => added.length > 0));
    const old = await redis.primary();
    const leader = redis.sentinels[number - 1]?.port as number;
    await redis.command(leader, 'SENTINEL', 'FAILOVER', redis.name);
    await until(async () => (await redis.primary()) !== old);
    await until(async () => (await createVisitor(url).send('POST', '/add', { item: 0 })).status === 200);
    isOver = true;
    await adding;
    for (const { visitor, added } of visitors)
      expect((await visitor.send('GET', '/')).body.list).toEqual(expect.arrayContaining(added));
  });
});
