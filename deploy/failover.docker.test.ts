import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prometheus } from '../test/prometheus.ts';
import { compose, startCompose } from '../test/compose.ts';
import { createVisitor } from '../test/replica.ts';
import { createComposeFleet } from './fleet/compose/fleet.ts';
import { waitFor } from './fleet/wait.ts';

// docker-compose.yml with deploy/redis/sentinel.yml and with cluster.yml.

const fleet = createComposeFleet(process.env);
let http: string;

/** They ask the primary for its replicas every 10 s, and until they know of some, none can take over. */
async function whenSentinelsKnow(): Promise<void> {
  const isKnown = async (sentinel: string) => {
    const fields = compose('exec', '-T', sentinel, 'redis-cli', '-p', '26379', 'sentinel', 'master', 'unsticky');
    return /num-slaves\n2\n[\s\S]*num-other-sentinels\n2\n/.test(fields);
  };
  for (const sentinel of ['sentinel-1', 'sentinel-2', 'sentinel-3'])
    await waitFor(`${sentinel} knows the others`, () => isKnown(sentinel), { timeoutMs: 30_000, everyMs: 200 });
}

const topologies = [
  {
    topology: 'sentinel',
    servers: ['redis', 'redis-2', 'redis-3'],
    facts: /^redis(-\d)? is the primary,2 Redis replicas follow, at most [\d.]+ k?B behind,memory/,
    whenReady: whenSentinelsKnow,
  },
  {
    topology: 'cluster',
    servers: ['redis', 'redis-2', 'redis-3', 'redis-4', 'redis-5', 'redis-6'],
    facts: /^redis-\d, redis-\d and redis-\d are the primaries of a Cluster,a Redis replica follows each, at most/,
    whenReady: async () => {},
  },
];

describe.each(topologies)('with the topology $topology', ({ topology, servers, facts, whenReady }) => {
  let end = () => {};
  beforeAll(async () => {
    process.env.REDIS_NETWORK = '172.16.180'; // beside a fleet that is up
    end = await startCompose('unsticky-failover-test', { replicas: 2, files: [`deploy/redis/${topology}.yml`] });
    http = (await fleet.describe()).http;
    await whenReady();
  });
  afterAll(() => end());

  test('what was acknowledged survives the death of the primary, and its return', async () => {
    const users = Array.from({ length: 20 }, () => createVisitor(http));
    for (const [number, user] of users.entries()) {
      expect((await user.send('POST', '/login', { name: `User ${number}` })).status).toBe(200);
      expect((await user.send('POST', '/cart/items', { sku: `item-${number}`, quantity: 1 })).status).toBe(201);
    }
    const [left] = users;
    const old = createVisitor(http, left?.cookie);
    expect((await left?.send('POST', '/logout'))?.status).toBe(204);

    const prometheus = new Prometheus((await fleet.describe()).prometheus ?? '');
    await waitFor(
      'each server is watched',
      async () => (await prometheus.ask('redis_up == 1')).length === servers.length,
      {
        timeoutMs: 15_000,
        everyMs: 200,
      },
    );
    // Replicas of the app are not ready before Redis is, and that is an alert.
    await waitFor('no alert is raised', async () => (await prometheus.alerts()).length === 0, {
      timeoutMs: 15_000,
      everyMs: 200,
    });
    const first = await fleet.redis.primary?.();
    await fleet.redis.kill();
    const hasSuccessor = async () => (await fleet.redis.primary?.()) !== first;
    await waitFor('a replica takes over', hasSuccessor, { timeoutMs: 15_000, everyMs: 100 });
    const isBack = async () => (await createVisitor(http).send('POST', '/login', { name: 'Ada' })).status === 200;
    await waitFor('users log in', isBack, { timeoutMs: 15_000, everyMs: 100 });
    const isFiring = async (name: string) =>
      (await prometheus.alerts()).some(({ labels, state }) => labels.alertname === name && state === 'firing');
    for (const name of ['RedisFailedOver', 'RedisReplicaMissing'])
      await waitFor(`${name} fires`, () => isFiring(name), { timeoutMs: 30_000, everyMs: 200 });
    await fleet.redis.start();
    await waitFor('no replica is missing', async () => !(await isFiring('RedisReplicaMissing')), { timeoutMs: 15_000 });
    const own = (await fleet.redis.primary?.()) as string;
    for (const [number, user] of users.entries()) {
      if (user === left) continue;
      expect((await user.send('GET', '/profile')).body.user.name).toBe(`User ${number}`);
      expect((await user.send('GET', '/cart')).body.items).toEqual([{ sku: `item-${number}`, quantity: 1 }]);
    }
    expect((await old.send('GET', '/profile')).status).toBe(401);
    const report = await fleet.redis.report(2000);
    expect(report?.primaries).toContain(own);
    expect(report?.facts.join()).toMatch(facts);
  });

  test('the addresses of its network are none that Docker or Swarm gives to another network', () => {
    const file = ['--file', 'docker-compose.yml', '--file', `deploy/redis/${topology}.yml`];
    const env = { ...process.env, REDIS_NETWORK: '' };
    const read = execFileSync('docker', ['compose', ...file, 'config', '--format', 'json'], { encoding: 'utf8', env });
    const [{ subnet }] = JSON.parse(read).networks.back.ipam.config;
    expect(subnet).not.toMatch(/^(172\.(1[7-9]|2\d|3[01])|192\.168|10)\./);
  });

  test('each container has bounds, and the servers have the same users as one Redis alone', async () => {
    const ids = compose('ps', '--all', '--quiet').trim().split('\n');
    const containers = JSON.parse(execFileSync('docker', ['inspect', ...ids], { encoding: 'utf8' })) as {
      Name: string;
      HostConfig: { Memory: number; PidsLimit: number; NanoCpus: number; ReadonlyRootfs: boolean; CapDrop: string[] };
    }[];
    expect(containers.length).toBeGreaterThanOrEqual(servers.length + 9);
    for (const { Name, HostConfig } of containers) {
      const { Memory, PidsLimit, NanoCpus, ReadonlyRootfs, CapDrop } = HostConfig;
      expect(Math.min(Memory, PidsLimit, NanoCpus), Name).toBeGreaterThan(0);
      expect([ReadonlyRootfs, CapDrop], Name).toEqual([true, ['ALL']]);
    }
    for (const server of servers) {
      const ask = (...command: string[]) => compose('exec', '-T', server, 'redis-cli', ...command);
      expect(ask('PING'), server).toContain('NOAUTH');
      expect(ask('--user', 'monitor', 'GET', 'a'), server).toContain('NOPERM');
    }
  });

  test('what finds an unconfirmed write waits for replicas like the write itself', async () => {
    const user = createVisitor(http);
    expect((await user.send('POST', '/login', { name: 'Ada' })).status).toBe(200);
    const primaries = (await fleet.redis.report(2000))?.primaries ?? [];
    const replicas = servers.filter((server) => !primaries.includes(server));
    // Replicas that hang are connected, and have confirmed all that was written before.
    const allow = (count: string) => {
      for (const server of primaries)
        compose(
          'exec',
          '-T',
          server,
          'sh',
          '-c',
          `REDISCLI_AUTH=$(cat /tmp/admin) redis-cli --user admin config set min-replicas-to-write ${count}`,
        );
    };
    allow('0');
    compose('pause', ...replicas);
    const outcomeUnknown = { type: 'urn:problem-type:unsticky:outcome-unknown' };
    // On either replica of the app, and on connections that did not write it.
    const logouts = Array.from({ length: 6 }, () => createVisitor(http, user.cookie));
    for (const visitor of logouts)
      expect(await visitor.send('POST', '/logout')).toMatchObject({ status: 503, body: outcomeUnknown });
    compose('unpause', ...replicas);
    await waitFor(
      'it counts',
      async () => (await createVisitor(http, user.cookie).send('POST', '/logout')).status === 204,
      {
        timeoutMs: 10_000,
        everyMs: 100,
      },
    );
    allow('1');
  });
});
