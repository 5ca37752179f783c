import { afterAll, beforeAll, expect, test } from 'vitest';
import { compose, startCompose } from '../../test/compose.ts';
import { dashboardQueries, needsExporter, Prometheus } from '../../test/prometheus.ts';
import { createVisitor, statusUnder } from '../../test/replica.ts';
import { createComposeFleet } from '../fleet/compose/fleet.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { waitFor } from '../fleet/wait.ts';

// What Prometheus knows of docker-compose.yml, and who may ask it.

const fleet: Fleet = createComposeFleet(process.env);
let prometheus: Prometheus;
let http: string;
let end = () => {};

beforeAll(async () => {
  end = await startCompose('unsticky-prometheus-test');
  const described = await fleet.describe();
  http = described.http;
  prometheus = new Prometheus(described.prometheus ?? '');
});
afterAll(() => end());

test('a replica that stopped cleanly raises no alert, a killed one does', async () => {
  for (const count of [2, 3]) {
    await fleet.scale(count);
    const isKnown = async () => (await prometheus.replicasUp()) === count;
    await waitFor(`Prometheus scrapes ${count}`, isKnown, { timeoutMs: 12_000 });
  }
  const [, , victim] = await fleet.replicas();
  await fleet.kill(3);
  const down = async () => (await prometheus.alerts()).filter(({ labels }) => labels.alertname === 'ReplicaDown');
  const isFiring = async () => (await down()).some(({ state }) => state === 'firing');
  await waitFor('ReplicaDown fires', isFiring, { timeoutMs: 60_000, everyMs: 200 });
  expect((await down()).map(({ annotations }) => annotations.summary)).toEqual([`${victim?.name} is down`]);
  expect(await prometheus.ask('replica:replica_lifecycle_state:lost5m')).toHaveLength(1);
  await fleet.restart(3);
  await waitFor('it is over', async () => (await down()).length === 0, { timeoutMs: 20_000, everyMs: 200 });
});

test('a Redis that is almost full raises an alert before it refuses logins', async () => {
  const [{ value: used = 0 } = {}] = await prometheus.ask('redis_memory_used_bytes');
  const former = await fleet.redis.configure('maxmemory', String(Math.ceil(used * 1.15)));
  try {
    const isFiring = async () =>
      (await prometheus.alerts()).some(
        ({ labels, state }) => labels.alertname === 'RedisMemoryHigh' && state === 'firing',
      );
    await waitFor('RedisMemoryHigh fires', isFiring, { timeoutMs: 30_000, everyMs: 200 });
    expect((await createVisitor(http).send('POST', '/login', { name: 'Ada' })).status).toBe(200);
  } finally {
    await fleet.redis.configure('maxmemory', former);
  }
});

test('an append-only file that grows beyond what Redis may hold raises an alert before the disk is full', async () => {
  const [{ value: used = 0 } = {}] = await prometheus.ask('redis_memory_used_bytes');
  const isFiring = async () =>
    (await prometheus.alerts()).some(
      ({ labels, state }) => labels.alertname === 'RedisDiskFills' && state === 'firing',
    );
  // With the little memory of the test before this one, it is true of this file, too.
  await waitFor('no alert fires', async () => !(await isFiring()), { timeoutMs: 30_000, everyMs: 200 });
  const ada = createVisitor(http);
  await ada.send('POST', '/login', { name: 'Ada' });
  const add = (sku: string) => ada.send('POST', '/cart/items', { sku, quantity: 1 });
  for (let item = 0; item < 100; item++) await add(`${item}-${'w'.repeat(60)}`);
  const former = await fleet.redis.configure('maxmemory', String(used * 2));
  try {
    // Each write takes the entire cart once more.
    const grown = async () => {
      await Promise.all(Array.from({ length: 20 }, () => add('tea')));
      return isFiring();
    };
    await waitFor('RedisDiskFills fires', grown, { timeoutMs: 90_000, everyMs: 1 });
  } finally {
    await fleet.redis.configure('maxmemory', former);
  }
});

test('the metrics of nginx and Redis are back after both were killed; those of nginx are not public', async () => {
  const is = async (query: string, value: number) => {
    const reached = async () => (await prometheus.ask(query))[0]?.value === value;
    await waitFor(`${query} is ${value}`, reached, { timeoutMs: 20_000, everyMs: 100 });
  };
  for (const [name, part] of Object.entries({ nginx: fleet.proxy, redis: fleet.redis })) {
    await is(`${name}_up`, 1);
    await part.kill();
    await is(`${name}_up`, 0);
    await part.start();
    await is(`${name}_up`, 1);
  }
  const { status, body } = await createVisitor(http).send('GET', '/stub_status', undefined, { connection: 'close' });
  expect({ status, type: body.type }).toEqual({ status: 404, type: 'urn:problem-type:unsticky:not-found' });
});

test('every query of the dashboard about nginx and Redis has data', async () => {
  const questions = dashboardQueries().filter(needsExporter);
  expect(questions.length).toBeGreaterThan(10);
  const seconds = Math.ceil(performance.now() / 1000); // since before the fleet was up
  const isAnswered = await Promise.all(questions.map(async ({ expr }) => (await prometheus.count(expr, seconds)) > 0));
  expect(questions.filter((_, index) => !isAnswered[index])).toEqual([]);
});

test('the tests of the rules pass with this Prometheus too', () => {
  // It may write only to its own folder.
  const promtool = (...args: string[]) =>
    compose('exec', '-T', '-e', 'TMPDIR=/prometheus', 'prometheus', 'promtool', ...args);
  promtool('check', 'config', '/etc/prometheus/containers.yml');
  expect(promtool('test', 'rules', '/etc/prometheus/rules.test.yml')).toContain('SUCCESS');
});

test('Prometheus cannot be read under a public name; while it is down, the response says so', async () => {
  const { prometheus: url = '' } = await fleet.describe();
  const labels = `${url}/api/v1/labels`;
  expect(await statusUnder('localhost:9090', labels)).toBe(200);
  expect(await statusUnder('evil.example:9090', labels)).toBe(403);
  compose('stop', 'prometheus');
  try {
    expect(await (await fetch(labels)).json()).toMatchObject({ error: 'Prometheus does not answer' });
  } finally {
    compose('start', 'prometheus');
  }
  await waitFor('it answers again', async () => (await fetch(labels)).ok, { timeoutMs: 20_000 });
});
