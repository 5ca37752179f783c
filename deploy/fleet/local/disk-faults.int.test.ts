import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { createVisitor } from '../../../test/replica.ts';
import type { FleetError } from '../fleet.ts';
import { commandOf, descendantsOf, startTestFleet } from '../../../test/fleet.ts';
import { waitFor } from '../wait.ts';

const why = whyNot();

test.skipIf(why)(`fsync is slow from the call until it is undone${why && `: NOT TRIED, ${why}`}`, async () => {
  const { fleet, http, end } = await startTestFleet({ replicas: 1, settings: { STORE_DEADLINE_MS: '5000' } });
  const slowDisk = async (ms: number) => fleet.redis.slowDisk?.(ms);
  const visitor = createVisitor(http);
  const writeMs = async () => {
    const start = performance.now();
    const { status } = await visitor.send('POST', '/cart/items', { sku: 'a', quantity: 1 });
    expect(status).toBe(201);
    return performance.now() - start;
  };
  await writeMs();
  for (const ms of [300, 600]) {
    await slowDisk(ms);
    expect(await writeMs()).toBeGreaterThanOrEqual(ms);
    expect(await writeMs()).toBeGreaterThanOrEqual(ms);
  }
  await slowDisk(0);
  expect(await writeMs()).toBeLessThan(300);
  expect(straces()).toEqual([]);

  await expect(slowDisk(0.5)).rejects.toThrow('the delay of a disk');
  await slowDisk(300);
  await fleet.redis.kill();
  await expect(slowDisk(300)).rejects.toThrow('redis is down: start it again');
  await slowDisk(0);
  await fleet.redis.start();
  await waitFor('it serves', async () => (await visitor.send('GET', '/cart')).status === 200, { timeoutMs: 5000 });
  expect(await writeMs()).toBeLessThan(300);

  await slowDisk(300);
  expect(straces()).toHaveLength(1);
  await end();
  expect(straces()).toEqual([]);
});

test.skipIf(why)(`"log out everywhere" waits for the disk four times${why && `: NOT TRIED, ${why}`}`, async () => {
  const { fleet, http, end } = await startTestFleet({ replicas: 1, settings: { STORE_DEADLINE_MS: '5000' } });
  const devices = Array.from({ length: 3 }, () => createVisitor(http));
  for (const device of devices) expect((await device.send('POST', '/login', { name: 'Ada' })).status).toBe(200);
  const fsyncMs = 300;
  await fleet.redis.slowDisk?.(fsyncMs);
  const start = performance.now();
  expect((await devices[0]?.send('DELETE', '/sessions'))?.status).toBe(204);
  // The mark and the end of the others, then of its own: each must be on the disk before the next one is sent.
  expect((performance.now() - start) / fsyncMs).toBeLessThan(5);
  await fleet.redis.slowDisk?.(0);
  for (const device of devices) expect((await device.send('GET', '/profile')).status).toBe(401);
  await end();
});

test.skipIf(why)(
  `a slow "log out everywhere" is 503 within two deadlines, and still ends all${why && `: NOT TRIED, ${why}`}`,
  async () => {
    const deadlineMs = 1000;
    const { fleet, http, end } = await startTestFleet({
      replicas: 1,
      settings: { STORE_DEADLINE_MS: String(deadlineMs) },
    });
    onTestFinished(end);
    const devices = Array.from({ length: 3 }, () => createVisitor(http));
    for (const device of devices) expect((await device.send('POST', '/login', { name: 'Ada' })).status).toBe(200);
    await fleet.redis.slowDisk?.(600); // each call ends within its deadline, also on a busy machine
    const start = performance.now();
    const { status, body } = (await devices[0]?.send('DELETE', '/sessions')) ?? {};
    expect({ status, type: body?.type }).toEqual({ status: 503, type: 'urn:problem-type:unsticky:outcome-unknown' });
    expect(performance.now() - start).toBeLessThan(2 * deadlineMs);
    await fleet.redis.slowDisk?.(0);
    const areOut = async () => {
      const answers = await Promise.all(devices.map((device) => device.send('GET', '/profile')));
      return answers.every(({ status }) => status === 401);
    };
    await waitFor('all are logged out', areOut, { timeoutMs: 5000 });
  },
);

test.skipIf(why)(
  `a full disk ends Redis at its next write; what was acknowledged is there when there is room${why && `: NOT TRIED, ${why}`}`,
  async () => {
    const { fleet, http, end } = await startTestFleet({ replicas: 1 });
    const visitor = createVisitor(http);
    const add = (sku: string) => visitor.send('POST', '/cart/items', { sku, quantity: 1 });
    expect((await add('before')).status).toBe(201);
    await fleet.redis.fillDisk?.(true);
    expect((await visitor.send('GET', '/cart')).status).toBe(200); // no write, no end
    expect((await add('full')).status).toBe(503);
    await waitFor('Redis has ended', async () => (await fleet.redis.ping(250)) === null, { timeoutMs: 5000 });
    expect((await visitor.send('GET', '/cart')).status).toBe(503);

    await fleet.redis.fillDisk?.(false);
    await fleet.redis.start();
    await waitFor('it serves', async () => (await visitor.send('GET', '/cart')).status === 200, { timeoutMs: 5000 });
    expect((await add('after')).status).toBe(201);
    const { items } = (await visitor.send('GET', '/cart')).body;
    expect(items.map(({ sku }: { sku: string }) => sku)).toEqual(['before', 'after']);
    await end();
    expect(straces()).toEqual([]);
  },
);

test.skipIf(why)(
  `a process that cannot be traced is an error that says why${why && `: NOT TRIED, ${why}`}`,
  async () => {
    const { fleet, end } = await startTestFleet({ replicas: 1 });
    const redis = descendantsOf(process.pid).find((pid) => commandOf(pid).startsWith('redis-server'));
    // A process has at most one tracer.
    const other = spawn('strace', ['-o', '/dev/null', '-p', String(redis)], { stdio: ['ignore', 'ignore', 'pipe'] });
    await once(other.stderr, 'data');
    const error: FleetError = await Promise.resolve(fleet.redis.slowDisk?.(300)).catch((err) => err);
    expect(error.message).toMatch(/^the disk cannot be broken: /);
    expect(error.logLines.join()).toContain('Operation not permitted');
    other.kill('SIGINT');
    await once(other, 'exit');
    await end();
  },
);

const straces = () => descendantsOf(process.pid).filter((pid) => commandOf(pid).startsWith('strace '));

/** Why a disk cannot be made slow here; empty if it can. */
function whyNot(): string {
  const target = spawn('sleep', ['10']);
  const options = { encoding: 'utf8', timeout: 300 } as const;
  const { error, status, stderr } = spawnSync('strace', ['-qq', '-o', '/dev/null', '-p', String(target.pid)], options);
  target.kill();
  if (error && 'code' in error && error.code === 'ENOENT') return 'strace is not installed';
  return status === null ? '' : stderr.trim();
}
