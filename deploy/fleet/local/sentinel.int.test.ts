import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectViewer, openRoom, startServedFleet } from '../../../test/control-room.ts';
import { Prometheus } from '../../../test/prometheus.ts';

// A local fleet with a primary, two replicas and three sentinels: what people see of a failover.

const patience = { timeout: 30_000, interval: 200 };
let fleet: Awaited<ReturnType<typeof startServedFleet>>;
beforeAll(async () => {
  fleet = await startServedFleet({ redis: 'sentinel', prometheus: 0 });
});
afterAll(() => fleet?.end());

test('status, the room and Prometheus notice a failover, and the return of the old primary', async () => {
  const remote = await fleet.connect();
  const redisFacts = async () => (await remote.parts()).find(({ name }) => name === 'redis')?.facts.join('; ');
  expect(await redisFacts()).toMatch(
    /^redis-1 is the primary; 2 Redis replicas follow, at most [\d.]+ k?B behind; memory/,
  );
  const room = await openRoom({ fleet: remote });
  const prometheus = new Prometheus((await remote.describe()).prometheus ?? '');
  const alerts = async () => (await prometheus.alerts()).map(({ labels }) => labels.alertname);
  try {
    const viewer = await connectViewer(room);
    await expect
      .poll(() => viewer.view?.redis.text, patience)
      .toMatch('redis-1 is the primary; 2 Redis replicas follow');
    await expect.poll(async () => (await prometheus.ask('redis_failovers_total')).length, patience).toBe(2);
    await remote.redis.kill();
    await expect.poll(redisFacts, patience).toMatch(/^redis-[23] is the primary; 1 Redis replica follows/);
    const news = /redis-[23] has replaced redis-1 as the primary of Redis/;
    await expect.poll(() => viewer.log().join(), patience).toMatch(news);
    await expect.poll(alerts, patience).toContain('RedisFailedOver');
    await remote.redis.start();
    expect(await redisFacts()).toMatch(/^redis-[23] is the primary; 2 Redis replicas follow/);
    await expect.poll(() => viewer.view?.redis.text, patience).toMatch('2 Redis replicas follow');
    // Once each: on a busy machine the sentinels may replace the new primary too.
    const failovers = viewer.log().flatMap((entry) => /^(\S+) has replaced (\S+) as/.exec(entry)?.slice(1, 3) ?? []);
    const former = failovers.filter((_, at) => at % 2 === 1);
    const successors = failovers.filter((_, at) => at % 2 === 0);
    expect(former).toEqual(['redis-1', ...successors.slice(0, -1)]);
  } finally {
    await room.close();
  }
});
