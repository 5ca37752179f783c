import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVisitor } from '../../../test/replica.ts';
import type { Fleet } from '../fleet.ts';
import { startLocalFleet } from './fleet.ts';
import {
  commandOf,
  countAnswers,
  descendantsOf,
  isAlive,
  makeDir,
  nginxOf,
  reloading,
  startTestFleet,
} from '../../../test/fleet.ts';
import { servedBy, waitFor } from '../wait.ts';

describe('a local fleet', () => {
  let fleet: Fleet;
  let http: string;
  let end: () => Promise<void>;
  beforeAll(async () => {
    ({ fleet, http, end } = await startTestFleet({ prometheus: 0 }));
  });
  afterAll(() => end());

  /** nginx sets a replica aside that did not answer, and tries it again about every 2 s. */
  async function isServedAgainBy(name: string) {
    const start = performance.now();
    await servedBy(http, [name]);
    expect(performance.now() - start).toBeLessThan(4000);
    expect(Object.keys(await countAnswers(http, 30))).toHaveLength(3);
  }

  test('60 requests with one cookie over 3 replicas: 20 ± 1 each, one identity', async () => {
    const visitor = createVisitor(http);
    await visitor.send('POST', '/login', { name: 'Ada' });
    const served: Record<string, number> = {};
    for (let sent = 0; sent < 60; sent++) {
      const { body } = await visitor.send('GET', '/whoami');
      expect(body.user).toEqual({ id: 'ada', name: 'Ada' });
      served[body.replica] = (served[body.replica] ?? 0) + 1;
    }
    expect(Object.keys(served).sort()).toEqual(['replica-1', 'replica-2', 'replica-3']);
    for (const count of Object.values(served)) expect(Math.abs(count - 20)).toBeLessThanOrEqual(1);
  });

  test('a session survives restarts of Redis, nginx and each replica', async () => {
    const visitor = createVisitor(http);
    await visitor.send('POST', '/login', { name: 'Eve' });
    await visitor.send('POST', '/cart/items', { sku: 'a', quantity: 1 });
    await fleet.redis.restart();
    await fleet.proxy.restart();
    await fleet.roll();
    const user = () => visitor.send('GET', '/profile').then(({ body }) => body.user?.id);
    await waitFor('the session is served', async () => (await user()) === 'eve', { timeoutMs: 10_000 });
    for (let sent = 0; sent < 6; sent++) expect(await user()).toBe('eve');
    expect((await visitor.send('GET', '/cart')).body.items).toHaveLength(1);
  });

  test('a killed replica fails no request, and is back on its port after restart', async () => {
    await fleet.kill(2);
    const [, killed] = await fleet.replicas();
    expect(killed).toMatchObject({ number: 2, name: 'replica-2', state: 'down', requestsServed: null });
    expect(Object.keys(await countAnswers(http, 30)).sort()).toEqual(['replica-1', 'replica-3']);
    await expect(fleet.kill(2)).rejects.toThrow('replica-2 is down: start it again with "unsticky restart 2"');
    await fleet.restart(2);
    expect((await fleet.replicas())[1]).toMatchObject({ state: 'ready' });
    await isServedAgainBy('replica-2');
  });

  test('two concurrent restarts run one after the other and leave one process, the one in the status', async () => {
    await Promise.all([fleet.restart(1), fleet.restart(1), fleet.scale(3)]);
    const shown = (await fleet.replicas()).map(({ runsAs }) => Number(runsAs.replace('pid ', '')));
    const running = descendantsOf(process.pid).filter((pid) => commandOf(pid).includes('src/main.ts'));
    expect(running.sort()).toEqual(shown.sort());
  });

  test('nginx killed from outside leaves no worker, and is back after restart', async () => {
    const before = nginxOf();
    expect(before.length).toBeGreaterThan(1);
    process.kill(before[0] as number, 'SIGKILL');
    await waitFor('its workers are gone', async () => !before.some(isAlive), { timeoutMs: 10_000 });
    await fleet.proxy.restart();
    expect(Object.keys(await countAnswers(http, 30))).toHaveLength(3);
  });

  test('a replica that does not answer is shown as starting', async () => {
    const [first] = await fleet.replicas();
    process.kill(Number(first?.runsAs.replace('pid ', '')), 'SIGSTOP');
    expect((await fleet.replicas())[0]).toMatchObject({ state: 'starting', requestsServed: null });
    process.kill(Number(first?.runsAs.replace('pid ', '')), 'SIGCONT');
  });

  test('a paused replica fails no request', async () => {
    await fleet.pause(1);
    expect((await fleet.replicas())[0]).toMatchObject({ state: 'paused' });
    const answers = await Promise.all(Array.from({ length: 6 }, () => countAnswers(http, 1)));
    for (const answer of answers) expect(Object.keys(answer)[0]).toMatch(/^replica-[23]$/);
    await fleet.resume(1);
    await isServedAgainBy('replica-1');
  });

  test('nginx and Prometheus follow when it scales up and down', async () => {
    await reloading(() => fleet.scale(5));
    expect(Object.keys(await countAnswers(http, 50))).toHaveLength(5);
    await waitFor('Prometheus scrapes 5 replicas', async () => (await scraped(fleet)) === 5, { timeoutMs: 10_000 });
    await reloading(() => fleet.scale(2));
    expect(Object.keys(await countAnswers(http, 50)).sort()).toEqual(['replica-1', 'replica-2']);
    expect(await fleet.replicas()).toHaveLength(2);
    await fleet.scale(3);
    await expect(fleet.scale(0)).rejects.toThrow('a fleet has 1 to 50 replicas');
  });

  test('each part has its log file', async () => {
    const lines: string[] = [];
    await fleet.logs({ lines: 5, parts: ['replica-1', 'nginx'] }, (line) => lines.push(line));
    expect(lines.some((line) => line.startsWith('nginx     | {"time"'))).toBe(true);
    expect(lines.some((line) => line.startsWith('replica-1 | {"level"'))).toBe(true);
    await expect(fleet.logs({ lines: 5, parts: ['x'] }, () => {})).rejects.toThrow('there is no log of x');
  });
});

/** The number of replicas that Prometheus has scraped successfully. */
async function scraped(fleet: Fleet): Promise<number> {
  const { prometheus } = await fleet.describe();
  const response = await fetch(`${prometheus}/api/v1/query?query=sum(up)`);
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return Number(data.result[0]?.value[1]);
}

describe('a fleet that cannot start reports why and leaves no process', () => {
  async function startsNot(prepare: (dir: string) => object): Promise<{ message: string; logLines: string[] }> {
    const { dir, remove } = makeDir();
    const base = { replicas: 2, store: 'durable', dir, http: 0, https: 0, env: process.env };
    const options = { ...base, ...prepare(dir) };
    const error = await startLocalFleet(options).then(
      (fleet) => fleet.down().then(() => undefined),
      (err) => err,
    );
    remove();
    expect(error).toBeInstanceOf(Error);
    return error;
  }

  test('a port in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const { message } = await startsNot(() => ({ http: port }));
    expect(message).toBe(`port ${port} (http) is in use: stop what listens there, or choose another with --http`);
    server.close();
  });

  test('a Redis that does not start', async () => {
    const { message, logLines } = await startsNot((dir) => {
      mkdirSync(path.join(dir, 'redis'), { recursive: true });
      writeFileSync(path.join(dir, 'redis/appendonlydir'), 'a file where Redis wants its folder');
      return {};
    });
    expect(message).toBe('redis did not come up: exited with 1');
    expect(logLines.join()).toContain('append-only');
  });

  test('a folder in use by another fleet', async () => {
    const { dir, remove } = makeDir();
    const options = { replicas: 1, store: 'memory', dir, http: 0, https: 0, env: process.env };
    const both = await Promise.allSettled([startLocalFleet(options), startLocalFleet(options)]);
    const reasons = both.flatMap((one) => (one.status === 'rejected' ? [one.reason.message] : []));
    expect(reasons).toEqual([`a fleet runs in ${dir} (pid ${process.pid})`]);
    for (const one of both) if (one.status === 'fulfilled') await one.value.down();
    await (await startLocalFleet(options)).down();
    remove();
  });

  test('an unusable folder', async () => {
    const { message } = await startsNot((dir) => {
      writeFileSync(path.join(dir, 'nginx'), 'a file where a folder goes');
      return {};
    });
    expect(message).toMatch(/^the folder .* cannot be prepared: EEXIST/);
  });

  test('an nginx that does not start', async () => {
    const { message, logLines } = await startsNot((dir) => {
      for (const name of ['tls.crt', 'tls.key']) writeFileSync(path.join(dir, name), 'no certificate');
      return { tlsDir: dir };
    });
    expect(message).toBe('nginx did not come up: exited with 1');
    expect(logLines.join()).toContain('cannot load certificate');
  });

  test('a replica that does not start', async () => {
    const { message, logLines } = await startsNot(() => ({ settings: { LOG_LEVEL: 'loud' } }));
    expect(message).toMatch(/^replica-[12] did not come up: exited with 1$/);
    expect(logLines.join()).toContain('LOG_LEVEL must be one of');
  });
});
