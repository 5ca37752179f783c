import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import pkg from '../package.json' with { type: 'json' };
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import { createContext } from './context.ts';
import { readRoutes } from './route-templates.ts';
import { createVisitor, startTestRedis, startTestReplica, type TestRedis, until } from './testing.ts';

// What /metrics tells after real traffic over every route, with every method, before and while Redis is away.

let redis: TestRedis;
const replicas: Awaited<ReturnType<typeof startTestReplica>>[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const replica of replicas.splice(0)) await replica.drain();
  await redis.stop();
  await redis.start();
});
afterAll(() => redis.stop());

async function start(settings: Record<string, string> = {}) {
  const replica = await startTestReplica({ REDIS_URL: redis.url, REPLICA: 'replica-10', ...settings });
  replicas.push(replica);
  return replica;
}

interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

async function read(adminUrl: string): Promise<Series[]> {
  const text = (await createVisitor(adminUrl).send('GET', '/metrics')).body as string;
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (!name) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, value]) => [label, value]);
    return { name, labels: Object.fromEntries(pairs), value: Number(value) };
  });
}

/** The values of a metric by its labels, in the order of their names, but for `replica`. Zeros are left out. */
async function valuesOf(adminUrl: string, metric: string): Promise<Record<string, number>> {
  const found = (await read(adminUrl)).filter(({ name, value }) => name === metric && value !== 0);
  const key = ({ replica: _replica, ...labels }: Record<string, string>) =>
    Object.keys(labels)
      .sort()
      .map((name) => labels[name])
      .join(' '); // prettier-ignore
  return Object.fromEntries(found.map(({ labels, value }) => [key(labels), value]));
}

const routes = readRoutes(createApp(createContext(readConfig({ SESSION_STORE: 'memory', LOG_LEVEL: 'silent' }))));
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];

/** Does everything that a visitor can do. */
async function useAll(url: string, keys = {}): Promise<void> {
  const visitor = createVisitor(url);
  const sku = { sku: 'a1', quantity: 1 };
  const requests: [string, string, object?][] = [
    ['POST', '/cart/items', sku],
    ['POST', '/login', { name: 'Ada' }],
    ['GET', '/profile'],
    ['GET', '/cart'],
    ['POST', '/cart/items', { ...sku, sku: 'b2' }],
    ['DELETE', '/cart/items/a1'],
    ['PATCH', '/preferences', { theme: 'dark' }],
    ['GET', '/preferences'],
    ['GET', '/whoami'],
    ['GET', '/sessions'],
    ['DELETE', '/sessions/nobodys'],
    ['DELETE', '/sessions'],
    ['POST', '/login', { name: 'Ada' }],
    ['POST', '/logout'],
    ['GET', '/'],
  ];
  for (const [method, path, body] of requests) await visitor.send(method, path, body, keys);
}

/** Asks every route, and some that are none, with every method. */
async function tryAll(url: string, cookie = ''): Promise<void> {
  const paths = [
    ...routes.map(({ path }) => path),
    '/nowhere',
    '/wp-login.php',
    '/cart/items/a/b',
    '/%00',
    `/${'x'.repeat(99)}`,
  ];
  for (const path of paths)
    for (const method of methods) {
      const response = await fetch(url + path, { method, headers: { cookie } });
      await response.arrayBuffer();
    }
}

test('everything at once: small, fast, without a fault to promtool, and bounded', async () => {
  const replica = await start();
  const visitor = createVisitor(replica.url);
  await visitor.send('POST', '/login', { name: 'Ada' });
  await useAll(replica.url);
  await useAll(replica.url, { 'idempotency-key': 'k' });
  await tryAll(replica.url);
  await tryAll(replica.url, visitor.cookie);
  await redis.stop();
  await tryAll(replica.url, visitor.cookie);

  const admin = createVisitor(replica.adminUrl);
  const { body, headers } = await admin.send('GET', '/metrics');
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  console.log(`${body.length} bytes, ${body.split('\n').length} lines`);
  if (process.env.DUMP) (await import('node:fs')).writeFileSync(process.env.DUMP, body);
  expect(Buffer.byteLength(body)).toBeLessThan(50 * 1024);

  const times: number[] = [];
  for (let time = 0; time < 31; time++) {
    const from = performance.now();
    await admin.send('GET', '/metrics');
    times.push(performance.now() - from);
  }
  times.sort((a, b) => a - b);
  console.log(times.map((t) => t.toFixed(1)).join(' '));
});
