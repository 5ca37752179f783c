import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVisitor, freePort } from '../src/testing.ts';
import { createComposeFleet } from './fleet/compose.ts';
import type { Fleet } from './fleet/fleet.ts';
import { countAnswers, startCommand } from './fleet/testing.ts';
import { waitFor } from './fleet/wait.ts';

// A project of its own, on free ports, so that a fleet which is up is left alone.
const compose = (...args: string[]) =>
  execFileSync('docker', ['compose', ...args], { stdio: 'pipe', encoding: 'utf8' });
const fleet: Fleet = createComposeFleet();
let http: string;

beforeAll(async () => {
  process.env.COMPOSE_PROJECT_NAME = 'unsticky-test';
  for (const name of ['HTTP_PORT', 'HTTPS_PORT', 'PROMETHEUS_PORT']) process.env[name] = String(await freePort());
  compose('up', '--build', '--detach', '--wait', '--scale', 'app=3');
  http = (await fleet.describe()).http;
});
afterAll(() => void compose('down', '--volumes', '--timeout', '3'));

const replicaNames = async () => (await fleet.replicas()).map(({ name }) => name).sort();
const seenBy = async (count: number) => Object.keys(await countAnswers(http, count)).sort();

async function logIn(name: string) {
  const visitor = createVisitor(http);
  expect((await visitor.send('POST', '/login', { name })).status).toBe(200);
  // On a connection of its own: one that was kept alive ends with the nginx that it was made to.
  const ask = () => visitor.send('GET', '/profile', undefined, { connection: 'close' });
  return { name, who: async () => (await ask()).body.user?.name };
}

test('20 users stay who they are when a replica is killed with docker kill', async () => {
  const users = await Promise.all(Array.from({ length: 20 }, (_, index) => logIn(`User ${index}`)));
  const [victim] = await fleet.replicas();
  execFileSync('docker', ['kill', victim?.runsAs ?? '']);
  for (let round = 0; round < 3; round++) {
    for (const { name, who } of users) expect(await who()).toBe(name);
  }
  expect((await fleet.replicas())[0]).toMatchObject({ state: 'down' });
  await fleet.restart(1);
  expect((await fleet.replicas()).map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']);
});

test('nginx and Prometheus follow --scale in both directions, without a reload', async () => {
  for (const count of [5, 2, 3]) {
    await fleet.scale(count);
    const names = await replicaNames();
    expect(names).toHaveLength(count);
    const isEven = async () => JSON.stringify(await seenBy(count * 6)) === JSON.stringify(names);
    await waitFor(`nginx passes requests to these ${count} alone`, isEven, { timeoutMs: 2000 });
    await waitFor(`Prometheus scrapes ${count}`, async () => (await scraped()) === count, { timeoutMs: 3000 });
  }
});

test('no request fails when one of two replicas is killed, or leaves', async () => {
  const leave = [() => fleet.kill(1), () => fleet.scale(1)];
  for (const [round, end] of leave.entries()) {
    await fleet.scale(2);
    if (round > 0) await fleet.restart(1);
    const isBoth = async () => (await seenBy(8)).length === 2;
    await waitFor('nginx passes requests to both', isBoth, { timeoutMs: 3000 });
    let ended = false;
    const statuses: number[] = [];
    const load = Array.from({ length: 8 }, async (_, worker) => {
      const visitor = createVisitor(http);
      for (let sent = 0; !ended; sent++) {
        const key = { 'idempotency-key': `${worker}.${sent}` };
        statuses.push((await visitor.send('GET', '/cart')).status);
        statuses.push((await visitor.send('POST', '/cart/items', { sku: 'a', quantity: 1 }, key)).status);
      }
    });
    await end();
    await waitFor('nginx knows that one is left', async () => (await seenBy(8)).length === 1, { timeoutMs: 5000 });
    ended = true;
    await Promise.all(load);
    expect(statuses.filter((status) => status !== 200 && status !== 201)).toEqual([]);
    expect(statuses.length).toBeGreaterThan(100);
  }
  await fleet.scale(3);
});

async function scraped(): Promise<number> {
  const { prometheus } = await fleet.describe();
  const response = await fetch(`${prometheus}/api/v1/query?query=count(up==1)`);
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return Number(data.result[0]?.value[1]);
}

test('sessions outlive Redis and the whole fleet: restart, down and up', async () => {
  const ada = await logIn('Ada');
  compose('restart', 'redis');
  await waitFor('Ada is served', async () => (await ada.who()) === 'Ada', { timeoutMs: 5000 });
  compose('down', '--timeout', '3');
  compose('up', '--detach', '--wait', '--scale', 'app=3');
  expect(await ada.who()).toBe('Ada');
});

test('a crash inside a container: the engine starts it again', async () => {
  const [replica] = await fleet.replicas();
  const container = replica?.runsAs ?? '';
  // PID 1 is the init; the replica is its child.
  execFileSync(
    'docker',
    [
      'exec',
      container,
      'node',
      '-e',
      "process.kill(Number(require('fs').readFileSync('/proc/1/task/1/children', 'utf8').trim().split(' ')[0]), 'SIGKILL')",
    ],
    { stdio: 'pipe' },
  );
  const restarts = () =>
    Number(execFileSync('docker', ['inspect', '--format', '{{.RestartCount}}', container], { encoding: 'utf8' }));
  await waitFor('it was started again', async () => restarts() > 0, { timeoutMs: 10_000, everyMs: 100 });
  await waitFor('it is ready', async () => (await fleet.replicas())[0]?.state === 'ready', {
    timeoutMs: 20_000,
    everyMs: 100,
  });
});

test('only nginx and Prometheus are published, on 127.0.0.1; replicas run unprivileged', () => {
  const ids = compose('ps', '--quiet').trim().split('\n');
  const containers = JSON.parse(execFileSync('docker', ['inspect', ...ids], { encoding: 'utf8' }));
  for (const { Config, NetworkSettings, HostConfig } of containers) {
    const published = Object.values(NetworkSettings.Ports).flatMap((bindings) => bindings ?? []) as {
      HostIp: string;
    }[];
    const service = Config.Labels['com.docker.compose.service'];
    if (service !== 'nginx' && service !== 'prometheus') expect(published).toEqual([]);
    for (const { HostIp } of published) expect(HostIp).toBe('127.0.0.1');
    if (service === 'app') expect(Config.User).toBe('node');
    expect(HostConfig.ReadonlyRootfs).toBe(true);
    expect(HostConfig.CapDrop).toEqual(['ALL']);
  }
});

test('a survival run on containers passes', async () => {
  const args = ['--plan', 'kill-replica', '--fleet', 'compose', '--users', '50', '--seconds', '8', '--json'];
  const { exited, out } = startCommand('load/survive.ts', args);
  await exited;
  expect(JSON.parse(out())).toMatchObject({
    verdict: 'pass',
    reasons: [],
    sessions: { checked: 50, lost: 0 },
    requests: { failed: 0 },
  });
});
