import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectViewer, openRoom, startServedFleet } from '../../../test/control-room.ts';
import { makeDir } from '../../../test/fleet.ts';
import { createVisitor } from '../../../test/replica.ts';

// A local fleet with a Cluster: what people see of a failover, and that it comes back after a down.

const patience = { timeout: 30_000, interval: 200 };
const { dir, remove } = makeDir();
let fleet: Awaited<ReturnType<typeof startServedFleet>>;
beforeAll(async () => {
  // The rest of a start that was interrupted.
  const interrupted = path.join(dir, 'redis/cluster/redis-1');
  mkdirSync(interrupted, { recursive: true });
  const itself = `${'a'.repeat(40)} 127.0.0.1:1@2 myself,master - 0 0 1 connected 0-5460`;
  writeFileSync(path.join(interrupted, 'nodes.conf'), `${itself}\nvars currentEpoch 1 lastVoteEpoch 0\n`);
  fleet = await startServedFleet({ redis: 'cluster', dir });
});
afterAll(async () => {
  await fleet?.end();
  remove();
});

test('status and the room notice a failover, and the return of the old primary; a new life has all sessions', async () => {
  const remote = await fleet.connect();
  const redisFacts = async () => (await remote.parts()).find(({ name }) => name === 'redis')?.facts.join('; ');
  expect(await redisFacts()).toMatch(
    /^redis-1, redis-2 and redis-3 are the primaries of a Cluster; a Redis replica follows each, at most [\d.]+ k?B behind; memory/,
  );
  const { http } = await remote.describe();
  const visitors = Array.from({ length: 12 }, () => createVisitor(http));
  for (const [number, visitor] of visitors.entries())
    expect((await visitor.send('POST', '/login', { name: `User ${number}` })).status).toBe(200);
  const room = await openRoom({ fleet: remote });
  try {
    const viewer = await connectViewer(room);
    await expect
      .poll(() => viewer.view?.redis.text, patience)
      .toMatch('redis-1, redis-2 and redis-3 are the primaries');
    await remote.redis.kill();
    await expect
      .poll(redisFacts, patience)
      .toMatch(/^redis-2, redis-3 and redis-4 .*; no Redis replica follows redis-4, so its writes are refused/);
    expect((await remote.parts()).find(({ name }) => name === 'redis')?.state).toBe('refuses');
    await expect.poll(() => viewer.view?.redis.state, patience).toBe('refuses');
    expect(viewer.view?.headline.text).toMatch(/^Redis refuses writes\./);
    await expect
      .poll(() => viewer.log().join(), patience)
      .toMatch('redis-4 has replaced redis-1 as a primary of Redis');
    await remote.redis.start();
    expect(await redisFacts()).toMatch(/^redis-2, redis-3 and redis-4 .*; a Redis replica follows each/);
    await expect.poll(() => viewer.view?.redis.state, patience).toBe('up');
    expect(viewer.log()).toEqual(expect.arrayContaining(['Redis refuses writes', 'Redis takes writes again']));
  } finally {
    await room.close();
  }
  await fleet.end();
  fleet = await startServedFleet({ redis: 'cluster', dir });
  const url = (await fleet.fleet.describe()).http;
  for (const [number, visitor] of visitors.entries())
    expect((await createVisitor(url, visitor.cookie).send('GET', '/profile')).body.user?.name).toBe(`User ${number}`);
  const parts = await fleet.fleet.parts();
  expect(parts.find(({ name }) => name === 'redis')?.facts[0]).toMatch('redis-2, redis-3 and redis-4');
});
