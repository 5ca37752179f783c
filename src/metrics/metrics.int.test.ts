import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import pkg from '../../package.json' with { type: 'json' };
import { createApp } from '../app.ts';
import { readConfig } from '../config.ts';
import { createContext } from '../context.ts';
import { readRoutes } from './route-templates.ts';
import { createVisitor, startTestRedis, startTestReplica, type TestRedis, until } from '../../test/replica.ts';

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

function parse(text: string): Series[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (!name) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, value]) => [label, value]);
    return { name, labels: Object.fromEntries(pairs), value: Number(value) };
  });
}

/** The values of a metric by its labels except `replica`, without zeros. */
async function valuesOf(adminUrl: string, metric: string): Promise<Record<string, number>> {
  const text = (await createVisitor(adminUrl).send('GET', '/metrics')).body as string;
  const found = parse(text).filter(({ name, value }) => name === metric && value !== 0);
  return Object.fromEntries(
    found.map(({ labels: { replica: _replica, ...labels }, value }) => [Object.values(labels).join(' '), value]),
  );
}

const requestsOf = (adminUrl: string) => valuesOf(adminUrl, 'http_requests_total');

describe('after traffic over every route and method, before and during a Redis outage', () => {
  const routes = readRoutes(createApp(createContext(readConfig({ SESSION_STORE: 'memory', LOG_LEVEL: 'silent' }))));
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];
  let adminUrl: string;
  let text: string;

  /** Does everything that a visitor can do. */
  async function useAll(url: string, headers = {}): Promise<void> {
    const visitor = createVisitor(url);
    const requests: [string, string, object?][] = [
      ['POST', '/cart/items', { sku: 'a1', quantity: 1 }],
      ['POST', '/login', { name: 'Ada' }],
      ['POST', '/cart/items', { sku: 'b2', quantity: 1 }],
      ['DELETE', '/cart/items/a1'],
      ['PATCH', '/preferences', { theme: 'dark' }],
      ...['/profile', '/cart', '/preferences', '/whoami', '/sessions', '/'].map((path): [string, string] => [
        'GET',
        path,
      ]),
      ['HEAD', '/events'],
      ['DELETE', '/sessions/nobodys'],
      ['DELETE', '/sessions'],
      ['POST', '/login', { name: 'Ada' }],
      ['DELETE', '/sessions/own'],
      ['POST', '/logout'],
    ];
    for (const file of ['page.css', 'page.js']) requests.push(['GET', `/files/${file}`]);
    for (const form of ['cart', 'logout']) {
      const more = { 'content-type': 'application/x-www-form-urlencoded', prefer: 'return=representation' };
      const body = 'sku=a1&quantity=1';
      expect((await fetch(`${url}/page/${form}?key=${form}`, { method: 'POST', headers: more, body })).status).toBe(
        200,
      );
    }
    for (const [method, path, body] of requests) {
      const own = path === '/sessions/own' ? (await visitor.send('GET', '/whoami')).body.session.id : '';
      await visitor.send(method, path.replace('/own', `/${own}`), body, headers);
    }
  }

  /** Requests every route, and some paths without a route, with every method. */
  async function tryAll(url: string, cookie = ''): Promise<void> {
    const nowhere = ['/nowhere', '/wp-login.php', '/cart/items/a/b', '/%00', '/%zz', `/${'x'.repeat(99)}`];
    for (const path of [...routes.map(({ path }) => path), ...nowhere]) {
      for (const method of methods) {
        const response = await fetch(url + path, { method, headers: { cookie } });
        await response.arrayBuffer();
      }
    }
  }

  beforeAll(async () => {
    const replica = await startTestReplica({ REDIS_URL: redis.url, REPLICA: 'replica-10' });
    try {
      ({ adminUrl } = replica);
      const visitor = createVisitor(replica.url);
      await visitor.send('POST', '/login', { name: 'Ada' });
      await useAll(replica.url);
      await useAll(replica.url, { 'idempotency-key': 'k' });
      await tryAll(replica.url);
      await tryAll(replica.url, visitor.cookie);
      await redis.stop();
      await tryAll(replica.url, visitor.cookie);
      text = (await createVisitor(adminUrl).send('GET', '/metrics')).body;
    } finally {
      await redis.start();
    }
    replicas.push(replica);
  });

  test('a scrape takes less than 10 times as long as a probe', async () => {
    const times: Record<string, number[]> = { '/livez': [], '/metrics': [] };
    for (let time = 0; time < 31; time++)
      for (const [path, taken] of Object.entries(times)) {
        const from = performance.now();
        await createVisitor(adminUrl).send('GET', path);
        taken.push(performance.now() - from);
      }
    // The fastest of each: the others were kept waiting by other processes.
    const [probe = 0, scrape = Infinity] = Object.values(times).map((taken) => Math.min(...taken));
    console.log(`/metrics: ${Buffer.byteLength(text)} bytes, ${scrape.toFixed(1)} ms; a probe ${probe.toFixed(1)} ms`);
    expect(scrape / probe).toBeLessThan(10);
  });

  test('failures of each route are exported from 0, so that the first is an increase', async () => {
    const { adminUrl } = await start();
    const text = (await createVisitor(adminUrl).send('GET', '/metrics')).body as string;
    const shown = parse(text).filter(({ name }) => name === 'http_requests_total');
    expect(shown.length).toBeGreaterThanOrEqual(routes.length);
    for (const { labels, value } of shown)
      expect({ status: labels.status, value }).toEqual({ status: '5xx', value: 0 });
    expect(shown.map(({ labels }) => `${labels.method} ${labels.route}`)).toContain('POST /cart/items');
  });

  test('promtool finds no problem', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
  });

  test('every series names the replica, and no label has a value chosen by a visitor', () => {
    const bounds: Record<string, (string | RegExp)[]> = {
      replica: ['replica-10'],
      method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other', 'any'],
      route: [...routes.map(({ path }) => path), 'none', 'any'],
      status: ['2xx', '3xx', '4xx', '5xx'],
      command: ['get', 'set', 'touch', 'renew', 'destroy', 'list', 'find', 'migrate', 'time'],
      outcome: ['ok', 'error', 'timeout', 'refused', 'merged', 'retried'],
      event: ['created', 'renewed', 'logged_out', 'revoked', 'evicted', 'expired', 'unreadable'],
      state: ['starting', 'ready', 'draining', 'stopped'],
      le: [/^[\d.]+$/, '+Inf'],
      type: [/^[A-Za-z]+$/], // resources of Node
      kind: ['minor', 'major', 'incremental', 'weakcb'], // garbage collections
      store: ['durable'],
      version: [pkg.version, process.version],
      node: [process.version],
      major: [/^\d+$/],
      minor: [/^\d+$/],
      patch: [/^\d+$/],
    };
    const series = parse(text);
    expect(series.length).toBeGreaterThan(300);
    for (const { name, labels } of series) {
      expect(labels.replica, name).toBe('replica-10');
      expect('version' in labels, name).toBe(name === 'unsticky_build_info');
      for (const [label, value] of Object.entries(labels)) {
        const isKnown = bounds[label]?.some((bound) =>
          typeof bound === 'string' ? bound === value : bound.test(value),
        );
        expect(isKnown, `${name}{${label}="${value}"}`).toBe(true);
      }
    }
  });

  test('sums agree: every request is counted once and timed, but for streams, and buckets add up', () => {
    const series = parse(text);
    const sum = (wanted: string, status: string | undefined) =>
      series
        .filter(({ name, labels }) => name === wanted && labels.status === status)
        .reduce((sum, { value }) => sum + value, 0);
    for (const status of ['2xx', '4xx', '5xx']) {
      expect(sum('http_requests_total', status)).toBeGreaterThan(30);
      const timed = status === '2xx' ? undefined : status; // successes are timed by route alone
      const streams = series.filter(({ name, labels }) => {
        return name === 'http_requests_total' && labels.route === '/events' && labels.status === '2xx';
      });
      const untimed = status === '2xx' ? streams.length : 0;
      expect(sum('http_request_duration_seconds_count', timed)).toBe(sum('http_requests_total', status) - untimed);
    }
    const buckets = series.filter(({ name }) => name.endsWith('_bucket'));
    for (const [at, { labels, value }] of buckets.entries()) {
      if (labels.le !== '+Inf') expect(buckets[at + 1]?.value).toBeGreaterThanOrEqual(value);
    }
    const names = new Set(series.map(({ name }) => name));
    for (const name of ['process_start_time_seconds', 'process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds'])
      expect(names).toContain(name);
  });
});

test('build, store and state of the replica are exported until it has stopped', async () => {
  const replica = await start({ DRAIN_DELAY_MS: '1000', APP_VERSION: '1.2.3' });
  expect(await valuesOf(replica.adminUrl, 'unsticky_build_info')).toEqual({ [`1.2.3 durable ${process.version}`]: 1 });
  expect(await valuesOf(replica.adminUrl, 'replica_lifecycle_state')).toEqual({ ready: 1 });
  void replica.drain();
  expect(await valuesOf(replica.adminUrl, 'replica_lifecycle_state')).toEqual({ draining: 1 });
});

test('a request counts for its route in any spelling, and for none if the method has no route', async () => {
  const { url, adminUrl } = await start();
  for (const path of ['/cart', '/cart/', '/CART', '/cart?a=1']) await createVisitor(url).send('GET', path);
  const send = (method: string, path: string) => fetch(url + path, { method });
  for (const method of ['HEAD', 'PUT', 'PROPFIND']) await send(method, '/cart');
  await send('DELETE', '/cart/items/a');
  await send('DELETE', '/Cart/Items/b/');
  await send('GET', '/nowhere');
  expect(await requestsOf(adminUrl)).toEqual({
    'GET /cart 2xx': 5,
    'PUT none 4xx': 1,
    'other none 4xx': 1,
    'DELETE /cart/items/:sku 2xx': 2,
    'GET none 4xx': 1,
  });
});

test('a request refused before its handler, or during a Redis outage, still counts for its route', async () => {
  const { url, adminUrl } = await start();
  const visitor = createVisitor(url);
  await visitor.send('POST', '/login', { name: 'Ada' });
  await visitor.send('POST', '/login', { name: 'Ada' }, { 'sec-fetch-site': 'cross-site' });
  await visitor.send('DELETE', '/cart/items/a1', undefined, { 'idempotency-key': 'ä' });
  expect(await valuesOf(adminUrl, 'session_store_up')).toEqual({ '': 1 });
  await redis.stop();
  await until(async () => (await visitor.send('GET', '/profile')).status === 503);
  await visitor.send('DELETE', '/cart/items/a1');
  const { 'GET /profile 5xx': profile, ...others } = await requestsOf(adminUrl);
  expect(profile).toBeGreaterThan(0);
  expect(others).toMatchObject({
    'POST /login 2xx': 1,
    'POST /login 4xx': 1,
    'DELETE /cart/items/:sku 4xx': 1,
    'DELETE /cart/items/:sku 5xx': 1,
  });
  expect(await valuesOf(adminUrl, 'session_store_up')).toEqual({});
  expect((await valuesOf(adminUrl, 'session_store_operations_total'))['get refused']).toBeGreaterThan(0);
});

test('a request is in flight until its response, and has no status if the client closed before', async () => {
  const { url, adminUrl } = await start();
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write('POST /cart/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n');
  await until(async () => (await valuesOf(adminUrl, 'http_requests_in_flight'))[''] === 1);
  expect(await requestsOf(adminUrl)).toEqual({});
  socket.destroy();
  await until(async () => (await valuesOf(adminUrl, 'http_requests_in_flight'))[''] === undefined);
  expect(await requestsOf(adminUrl)).toEqual({ 'POST /cart/items none': 1 });
});

test('session events are counted', async () => {
  const { url, adminUrl } = await start();
  const visitor = createVisitor(url);
  const add = (key: string) =>
    visitor.send('POST', '/cart/items', { sku: 'a1', quantity: 1 }, { 'idempotency-key': key });
  await add('one');
  await add('one');
  await visitor.send('POST', '/login', { name: 'Ada' });
  await visitor.send('DELETE', '/sessions');
  const commandsOf = () => valuesOf(adminUrl, 'session_store_operation_duration_seconds_count');
  // The login enters the list and looks again; the end of all reads it, and its own session again, marks what it ends, and
  // takes it out, in the background.
  await until(async () => (await commandsOf()).list === 5);
  expect(await commandsOf()).toMatchObject({ get: 4, set: 2, renew: 1, destroy: 1, list: 5 });
  await redis.stop();
  await until(async () => (await createVisitor(url).send('POST', '/login', { name: 'Ada' })).status === 503);
  expect(await valuesOf(adminUrl, 'session_events_total')).toEqual({ created: 1, renewed: 1, revoked: 1 });
  expect(await valuesOf(adminUrl, 'session_idempotent_replays_total')).toEqual({ '': 1 });
  expect((await valuesOf(adminUrl, 'session_commits_failed_total'))['']).toBeGreaterThan(0);
  const { body } = await createVisitor(adminUrl).send('GET', '/metrics');
  // Series exist before their first event, or its increase would be missed.
  for (const name of ['session_conflicts_total{outcome="refused"', 'session_resurrections_prevented_total{'])
    expect(body).toContain(name);
});

test.each(['plain', 'memory'])(
  'each store call of express-session is counted and timed with the store %s',
  async (store) => {
    const { url, adminUrl } = await start({ SESSION_STORE: store });
    const visitor = createVisitor(url);
    await visitor.send('POST', '/cart/items', { sku: 'a1', quantity: 1 });
    await visitor.send('GET', '/cart');
    await visitor.send('POST', '/logout');
    const expected = { set: 1, get: 2, touch: 1, destroy: 1 };
    expect(await valuesOf(adminUrl, 'session_store_operation_duration_seconds_count')).toEqual(expected);
    expect(await valuesOf(adminUrl, 'session_store_operations_total')).toEqual({
      'set ok': 1,
      'get ok': 2,
      'touch ok': 1,
      'destroy ok': 1,
    });
    expect(await valuesOf(adminUrl, 'session_store_up')).toEqual({ '': 1 });
  },
);

test('METRICS=off: no metrics, and /metrics says so', async () => {
  const { url, adminUrl } = await start({ METRICS: 'off' });
  expect((await createVisitor(url).send('POST', '/login', { name: 'Ada' })).status).toBe(200);
  const answer = await createVisitor(adminUrl).send('GET', '/metrics');
  expect(answer).toMatchObject({ status: 404, body: { error: expect.stringContaining('METRICS=off') } });
});
