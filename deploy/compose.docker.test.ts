import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVisitor } from '../test/replica.ts';
import { createComposeFleet } from './fleet/compose/fleet.ts';
import { openFleet } from './fleet/drivers.ts';
import type { Fleet } from './fleet/fleet.ts';
import { compose, startCompose } from '../test/compose.ts';
import { countAnswers, makeDir } from '../test/fleet.ts';
import { waitFor } from './fleet/wait.ts';
import { Prometheus } from '../test/prometheus.ts';
import { connectViewer, openRoom, sendAction } from '../test/control-room.ts';

const fleet: Fleet = createComposeFleet(process.env);
let http: string;
let end = () => {};

beforeAll(async () => {
  end = await startCompose('unsticky-test');
  http = (await fleet.describe()).http;
});
afterAll(() => end());

const replicaNames = async () => (await fleet.replicas()).map(({ name }) => name).sort();
const seenBy = async (count: number) => Object.keys(await countAnswers(http, count)).sort();

async function logIn(name: string) {
  const visitor = createVisitor(http);
  expect((await visitor.send('POST', '/login', { name })).status).toBe(200);
  // On a new connection: one that was kept alive ends with its nginx.
  const ask = () => visitor.send('GET', '/profile', undefined, { connection: 'close' });
  return { name, who: async () => (await ask()).body.user?.name };
}

test('20 users stay who they are when a replica is killed with docker kill', async () => {
  const users = await Promise.all(Array.from({ length: 20 }, (_, index) => logIn(`User ${index}`)));
  expect(await replicaNames()).toEqual(['app-1', 'app-2', 'app-3']);
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
  const prometheus = new Prometheus((await fleet.describe()).prometheus ?? '');
  for (const count of [5, 2, 3]) {
    await fleet.scale(count);
    const names = await replicaNames();
    expect(names).toHaveLength(count);
    const isEven = async () => JSON.stringify(await seenBy(count * 6)) === JSON.stringify(names);
    await waitFor(`nginx passes requests to these ${count} alone`, isEven, { timeoutMs: 2000 });
    // It passes on what DNS says every 5 s, and begins to scrape it at most 5 s later (discovery manager, scrape manager).
    await waitFor(`Prometheus scrapes ${count}`, async () => (await prometheus.replicasUp()) === count, {
      timeoutMs: 12_000,
    });
  }
});

test('no request fails when one of two replicas is killed or stops', async () => {
  const ways = [() => fleet.kill(1), () => fleet.scale(1)];
  for (const [round, leave] of ways.entries()) {
    await fleet.scale(2);
    if (round > 0) await fleet.restart(1);
    const isBoth = async () => (await seenBy(8)).length === 2;
    await waitFor('nginx passes requests to both', isBoth, { timeoutMs: 3000 });
    const failed = await underLoad(8, async () => {
      await leave();
      await waitFor('nginx knows that one is left', async () => (await seenBy(8)).length === 1, { timeoutMs: 5000 });
    });
    expect(failed).toEqual([]);
  }
  await fleet.scale(3);
});

/** The version of each replica, by its number. */
async function versions(): Promise<Record<number, string>> {
  const found: Record<string, string> = {};
  const replicas = await fleet.replicas();
  const isWhole = async () => {
    const { body } = await createVisitor(http).send('GET', '/whoami', undefined, { connection: 'close' });
    found[body.replica] = body.version;
    return replicas.every(({ name }) => name in found);
  };
  await waitFor('all have answered', isWhole, { timeoutMs: 5000, everyMs: 1 });
  return Object.fromEntries(replicas.map(({ number, name }) => [number, found[name] ?? '']));
}

/** Reads and writes, with keys, of so many visitors while `work` runs. @returns which failed, and how */
async function underLoad(visitors: number, work: () => Promise<unknown>) {
  const failed: string[] = [];
  let sent = 0;
  let ended = false;
  const load = Array.from({ length: visitors }, async (_, number) => {
    const visitor = createVisitor(http);
    const send = async (method: string, path: string, item?: object, headers?: Record<string, string>) => {
      const { status, headers: shown, body } = await visitor.send(method, path, item, headers);
      sent += 1;
      if (![200, 201].includes(status))
        failed.push(`${method} ${path}: ${status} ${JSON.stringify(body)} of ${shown.get('x-served-by') ?? 'nginx'}`);
    };
    for (let round = 0; !ended; round++) {
      await send('GET', '/cart');
      await send('POST', '/cart/items', { sku: 'a', quantity: 1 }, { 'idempotency-key': `${number}.${round}` });
    }
  });
  const enough = () => waitFor('there was load', async () => sent > 100, { timeoutMs: 10_000 });
  await work()
    .then(enough)
    .finally(() => {
      ended = true;
    });
  await Promise.all(load);
  return failed;
}

const containerIds = () => compose('ps', '--quiet', 'app').trim().split('\n').sort();

test('replicas with settings of their own are added and removed without affecting others', async () => {
  await fleet.scale(2);
  const before = containerIds();
  await fleet.scale(3, undefined, { APP_VERSION: '2' });
  await fleet.scale(4);
  expect(containerIds()).toEqual(expect.arrayContaining(before));
  const [base] = Object.values(await versions());
  expect(Object.values(await versions())).toEqual([base, base, '2', base]);
  await fleet.scale(2);
  expect(containerIds()).toEqual(before);
  await expect(fleet.scale(3, undefined, { PORT: '1' })).rejects.toThrow(
    'docker-compose.yml does not pass PORT to replicas',
  );
});

test('the control room follows containers: one killed there is shown as down within 2 s, and is started again', async () => {
  const room = await openRoom({ fleet });
  try {
    const viewer = await connectViewer(room);
    const [victim] = await fleet.replicas();
    const state = () => viewer.view?.replicas.find(({ number }) => number === victim?.number)?.state;
    const soon = { timeoutMs: 20_000 };
    await waitFor('it is seen', async () => state() === 'ready', soon);
    const start = performance.now();
    expect(await sendAction(room, 'kill', victim?.number)).toMatchObject({ status: 202 });
    await waitFor('it is shown as down', async () => state() === 'down', soon);
    expect(performance.now() - start).toBeLessThan(2000);
    await waitFor(
      'it can be started',
      async () => (await sendAction(room, 'start', victim?.number)).status === 202,
      soon,
    );
    await waitFor('it is ready', async () => state() === 'ready', soon);
    expect(viewer.view?.stores.find(({ isChosen }) => isChosen)?.name).toBe('durable');
    viewer.leave();
  } finally {
    await room.close();
  }
});

test('a deploy replaces all replicas, applies to later ones, and fails no request', async () => {
  const ada = await logIn('Ada');
  const before = await replicaNames();
  const failed = await underLoad(4, () => fleet.deploy({ APP_VERSION: '3' }));
  expect(failed).toEqual([]);
  const after = await replicaNames();
  expect(after).toHaveLength(before.length);
  expect(after.filter((name) => before.includes(name))).toEqual([]);
  await fleet.scale(3);
  expect(Object.values(await versions())).toEqual(['3', '3', '3']);
  expect(await ada.who()).toBe('Ada');
});

test('a deploy that does not become ready changes nothing', async () => {
  await fleet.scale(1);
  const before = containerIds();
  await expect(fleet.deploy({ APP_VERSION: 'no version' })).rejects.toThrow('docker compose up');
  expect(containerIds()).toEqual(before);
});

test('log lines of all containers come in the order of their times, without the time that Docker adds', async () => {
  const shown: string[] = [];
  await createComposeFleet(process.env).logs({ lines: 10 }, (line) => shown.push(line));
  const times = shown.flatMap((line) => Date.parse(/\| \{.*"time":"([^"]+)"/.exec(line)?.[1] ?? '') || []);
  const parts = new Set(shown.map((line) => line.split(/[ |]/, 1)[0]));
  expect(parts.size).toBeGreaterThan(3);
  expect(times.length).toBeGreaterThan(10);
  // Docker notes a line when it gets it: lines of two containers within a moment may change places.
  expect(times.filter((time, index) => time < (times[index - 1] ?? 0) - 1000)).toEqual([]);
});

test('after a rotation the new secret signs, and cookies of old ones, also of the default, remain valid', async () => {
  await fleet.scale(1);
  await fleet.deploy({ SESSION_SECRETS: '' });
  const [ada, bob] = [await logIn('Ada'), await logIn('Bob')];
  const failed = await underLoad(4, () => fleet.rotateSecret());
  expect(failed).toEqual([]);
  const eve = await logIn('Eve');
  expect([await ada.who(), await eve.who()]).toEqual(['Ada', 'Eve']);
  await fleet.deploy({ SESSION_SECRETS: '' });
  // Ada has visited since, and got a cookie that the new secret has signed; Bob still has the old one.
  expect([await ada.who(), await eve.who(), await bob.who()]).toEqual([undefined, undefined, 'Bob']);
  await fleet.deploy({ SESSION_SECRETS: 's'.repeat(32) });
});

test('a replica cut off from Redis serves no session until the cut is healed', async () => {
  await fleet.scale(1);
  const [replica] = await fleet.replicas();
  // Docker gives it the lowest free address, which differs from the old one: its old connections never recover.
  const ada = await logIn('Ada');
  await fleet.network?.cut(replica?.number ?? 0);
  expect(await ada.who()).toBeUndefined();
  await fleet.network?.heal(replica?.number ?? 0);
  await waitFor('Ada is served', async () => (await ada.who()) === 'Ada', { timeoutMs: 5000 });
  expect((await fleet.replicas())[0]?.name).toBe(replica?.name);
  await fleet.scale(3);
});

test("setting a parameter of Redis returns its old value; a refusal has Redis's message", async () => {
  await expect(fleet.redis.primary?.()).rejects.toThrow(
    'this Redis has no replicas; with some: COMPOSE_FILE=docker-compose.yml:deploy/redis/sentinel.yml',
  );
  const former = await fleet.redis.configure('maxmemory', '10mb');
  expect(former).toBe(String(256 * 1024 * 1024));
  expect(await fleet.redis.configure('maxmemory', former)).toBe(String(10 * 1024 * 1024));
  await expect(fleet.redis.configure('maxmemory', 'plenty')).rejects.toThrow(/CONFIG SET maxmemory plenty: .*argument/);
  expect(fleet.redis.slowDisk).toBeUndefined();
});

test('sessions survive a restart of Redis, and down and up', async () => {
  const ada = createVisitor(http);
  // A script that writes two keys is a transaction in the append-only file.
  const keyed = (key: string) => ({ 'idempotency-key': key });
  expect((await ada.send('POST', '/login', { name: 'Ada' }, keyed('login'))).status).toBe(200);
  expect((await ada.send('POST', '/cart/items', { sku: 'tea', quantity: 2 }, keyed('tea'))).status).toBe(201);
  const close = { connection: 'close' }; // a connection that was kept alive ends with its nginx
  const look = async () => [
    await ada.send('GET', '/profile', undefined, close),
    await ada.send('GET', '/cart', undefined, close),
  ];
  const isThere = async () => {
    const [profile, cart] = await look();
    return profile?.body.user?.name === 'Ada' && cart?.body.items?.[0]?.quantity === 2;
  };
  compose('restart', 'redis');
  await waitFor('Ada and her cart are there', isThere, { timeoutMs: 5000 });
  compose('down', '--timeout', '3');
  compose('up', '--detach', '--wait', '--scale', 'app=3');
  expect(await isThere()).toBe(true);
  expect(compose('logs', '--no-color', 'redis')).not.toContain('NOPERM');
});

test('after a crash inside a container the engine starts it again', async () => {
  const [replica] = await fleet.replicas();
  const container = replica?.runsAs ?? '';
  // PID 1 is the init; the replica is its child. Detached: what runs in a container dies with it.
  execFileSync(
    'docker',
    [
      'exec',
      '--detach',
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

test('docker compose up starts three replicas, unless it is asked for another number', () => {
  const { services } = JSON.parse(compose('config', '--format', 'json'));
  expect(services.app.deploy.replicas).toBe(3);
});

test('a command for a local fleet says that a fleet of containers is up', async () => {
  const { dir, remove } = makeDir();
  const opening = openFleet('local', { dir, env: process.env });
  await expect(opening).rejects.toThrow('no local fleet is up, but a compose fleet is: add --fleet compose');
  remove();
});

test('only nginx and Prometheus are published, on 127.0.0.1; nothing runs as root or has capabilities', () => {
  const ids = compose('ps', '--quiet').trim().split('\n');
  const containers = JSON.parse(execFileSync('docker', ['inspect', ...ids], { encoding: 'utf8' }));
  for (const { Config, NetworkSettings, HostConfig } of containers) {
    const published = Object.values(NetworkSettings.Ports).flatMap((bindings) => bindings ?? []) as {
      HostIp: string;
    }[];
    const service = Config.Labels['com.docker.compose.service'];
    if (service !== 'nginx' && service !== 'prometheus-gate') expect(published).toEqual([]);
    for (const { HostIp } of published) expect(HostIp).toBe('127.0.0.1');
    expect(Config.User, service).not.toMatch(/^(|0|root)(:|$)/);
    expect(HostConfig.Memory, service).toBeGreaterThan(0);
    expect(HostConfig.PidsLimit, service).toBeGreaterThan(0);
    expect(HostConfig.NanoCpus, service).toBeGreaterThan(0);
    expect(HostConfig.ReadonlyRootfs).toBe(true);
    expect(HostConfig.CapDrop).toEqual(['ALL']);
    expect(HostConfig.CapAdd, service).toBeNull();
  }
});

test('Redis lets each user do what it must, and nothing else; whoever gives no name does nothing', () => {
  const ask = (user: string[], ...command: string[]) =>
    compose('exec', '--no-TTY', 'redis', 'redis-cli', ...user, ...command).trim();
  const url = new URL(readFileSync('deploy/redis/development-url', 'utf8').trim());
  const app = ['--user', 'app', '--pass', url.password, '--no-auth-warning'];
  for (const command of [['PING'], ['GET', 'session:x'], ['CONFIG', 'GET', '*']])
    expect(ask(['--pass', 'x', '--user', 'default'], ...command)).toMatch(/NOAUTH/);
  expect(ask(app, 'PING')).toBe('PONG');
  const refused = ['KEYS *', 'CONFIG GET maxmemory', 'FLUSHALL', 'FLUSHDB', 'GET other', 'SET other 1', 'ACL LIST'];
  const more = [
    'SHUTDOWN',
    'REPLICAOF host 1',
    'SCRIPT FLUSH',
    'CLIENT KILL TYPE normal',
    'SUBSCRIBE other',
    'MODULE LIST',
  ];
  for (const command of [...refused, ...more]) expect(ask(app, ...command.split(' ')), command).toMatch(/^NOPERM/);
  const monitor = ['--user', 'monitor'];
  expect(ask(monitor, 'INFO', 'server')).toContain('redis_version');
  for (const command of [...refused, ...more, 'GET session:x'])
    expect(ask(monitor, ...command.split(' ')), command).toMatch(/^NOPERM/);
});

test('every image that is not built here can be pinned to a digest', () => {
  const names = ['NGINX', 'REDIS', 'PROMETHEUS', 'NGINX_EXPORTER', 'REDIS_EXPORTER', 'GRAFANA'];
  const digest = `example/image@sha256:${'0'.repeat(64)}`;
  const env = Object.fromEntries(names.map((name) => [`${name}_IMAGE`, digest]));
  for (const files of [
    'docker-compose.yml',
    'docker-compose.yml:deploy/redis/sentinel.yml',
    'docker-compose.yml:deploy/redis/cluster.yml',
  ]) {
    const args = ['compose', '--profile', '*', 'config', '--images'];
    const images = execFileSync('docker', args, {
      encoding: 'utf8',
      env: { ...process.env, COMPOSE_PROJECT_NAME: 'unsticky', COMPOSE_FILE: files, ...env },
    });
    const others = images.split('\n').filter((image) => image !== '' && image !== digest);
    expect([...new Set(others)].sort(), files).toEqual(['unsticky', 'unsticky-load']);
  }
});
