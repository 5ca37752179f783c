import { createClient } from 'redis';
import { afterEach, expect, test } from 'vitest';
import { makeSecret } from '../deploy/fleet/secrets.ts';
import { createVisitor, startTestRedis, startTestReplica, type TestRedis, until } from '../test/replica.ts';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

async function startRedis(...commands: string[]): Promise<TestRedis> {
  const redis = await startTestRedis();
  cleanUp.push(() => redis.stop());
  for (const command of commands) await redis.command(...command.split(' '));
  return redis;
}

/** A replica, what it logs, and whether it is ready. */
async function start(url: string, settings: Record<string, string> = {}) {
  const lines: string[] = [];
  const replica = await startTestReplica({ REDIS_URL: url, ...settings }, lines);
  cleanUp.push(() => replica.drain());
  const isReady = async () => (await createVisitor(replica.adminUrl).send('GET', '/readyz')).status === 200;
  return { ...replica, isReady, log: () => lines.join('') };
}

const production = { NODE_ENV: 'production', SESSION_SECRETS: makeSecret() };
const sessionCommands = ['~session:*', '&session:*', '+@read', '+@write', '+@scripting', '+@pubsub', '+time'];

test.each([
  ['the wrong password', 'redis://:wrong@', '', 'Redis wants another user or password'],
  ['no password', 'redis://', '', 'Redis wants another user or password'],
  ['a database that is not there', 'redis://:right@', '/99', 'Redis has no such database'],
])('with %s it does not become ready, and says what to change', async (_, before, after, message) => {
  const redis = await startRedis('CONFIG SET requirepass right');
  const replica = await start(`${before}127.0.0.1:${redis.port}${after}`);
  await until(() => replica.log().includes(message));
  expect(await replica.isReady()).toBe(false);
  expect(replica.log()).not.toMatch(/:right@|:wrong@|"msg":"ready"/);
  expect((await createVisitor(replica.url).send('POST', '/login', { name: 'Ada' })).status).toBe(503);
});

test('with a user without a command of sessions it is not ready until that is given, and needs no more', async () => {
  const redis = await startRedis();
  const allowed = ['SETUSER', 'app', 'on', '>pass', 'resetkeys', '-@all', ...sessionCommands];
  await redis.command('ACL', ...allowed, '-getex');
  const replica = await start(`redis://app:pass@127.0.0.1:${redis.port}`);
  await until(() =>
    /Redis: it refuses what sessions need \(.*\): .*~session:\* &session:\* \+@read/.test(replica.log()),
  );
  expect(await replica.isReady()).toBe(false);
  await redis.command('ACL', ...allowed);
  await until(replica.isReady);
  const visitor = createVisitor(replica.url);
  expect((await visitor.send('POST', '/login', { name: 'Ada' })).status).toBe(200);
  expect((await visitor.send('POST', '/cart/items', { sku: 'a', quantity: 1 })).status).toBe(201);
  expect((await visitor.send('GET', '/sessions')).body.sessions).toHaveLength(1);
  expect((await visitor.send('DELETE', '/sessions')).status).toBe(204);
});

test('with a replica of Redis it is not ready, until that takes writes', async () => {
  const primary = await startRedis();
  const other = await startRedis(`REPLICAOF 127.0.0.1 ${primary.port}`);
  const replica = await start(other.url);
  await until(() => replica.log().includes('Redis: it is a replica, which takes no writes'));
  expect(await replica.isReady()).toBe(false);
  await other.command('REPLICAOF', 'NO', 'ONE');
  await until(replica.isReady);
});

test('a policy that evicts sessions is a warning, and in production it is refused', async () => {
  const redis = await startRedis('CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru');
  const lax = await start(redis.url);
  expect(await lax.isReady()).toBe(true);
  expect(lax.log()).toContain('set noeviction');
  const strict = await start(redis.url, production);
  await until(() => strict.log().includes('it ends sessions when its memory is full (maxmemory-policy allkeys-lru)'));
  expect(strict.log()).toContain('it loses sessions when it restarts: set appendonly yes');
  expect(await strict.isReady()).toBe(false);
  await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await until(strict.isReady);
});

test('a full Redis is no wrong Redis: replicas that start are ready, and answer reads', async () => {
  const redis = await startRedis('CONFIG SET maxmemory 1');
  const replica = await start(redis.url);
  await until(replica.isReady);
  expect(replica.log()).not.toContain('Redis: it');
});

test('each connection is looked at: a Redis that has become a replica is reported, and readiness stays', async () => {
  const redis = await startRedis();
  const replica = await start(redis.url);
  expect(await replica.isReady()).toBe(true);
  await redis.stop();
  const client = createClient({ url: redis.url, socket: { reconnectStrategy: 50 } }).on('error', () => {});
  const connecting = client.connect();
  await redis.start();
  await connecting;
  await client.sendCommand(['REPLICAOF', '127.0.0.1', '1']);
  await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
  client.destroy();
  await until(() => replica.log().includes('it is a replica'));
  expect(await replica.isReady()).toBe(true);
});
