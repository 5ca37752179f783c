import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVisitor, startTestRedis, startTestReplica, type TestRedis } from '../test/replica.ts';
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import { createContext } from './context.ts';
import { readRoutes } from './metrics/route-templates.ts';

// docs/openapi.json against the running app: every route is described, and every response conforms.

interface Described {
  headers?: Record<string, { $ref?: string; required?: boolean }>;
  content?: Record<string, { schema: object }>;
  $ref?: string;
}
type Operation = { responses: Record<string, Described> };

const spec = JSON.parse(readFileSync('docs/openapi.json', 'utf8'));
const paths = spec.paths as Record<string, Record<string, Operation>>;
const admin = ['/livez', '/readyz', '/metrics'];
const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: 'spec', ...spec });

const lookUp = <T>(value: T & { $ref?: string }): T =>
  value.$ref
    ? value.$ref
        .slice(2)
        .split('/')
        .reduce((part, name) => part[name], spec)
    : value;

/** Describes what is wrong with a response. */
function problemsOf(path: string, method: string, status: number, headers: Headers, body: unknown): string[] {
  const operation = paths[path]?.[method.toLowerCase()];
  const given = operation?.responses[String(status)];
  if (!given) return [`${method} ${path}: status ${status} is not described`];
  const described = lookUp(given);
  const missing = Object.entries(described.headers ?? {}).flatMap(([name, header]) =>
    lookUp(header).required && !headers.has(name) ? [`header ${name} is missing`] : [],
  );
  const type = headers.get('content-type')?.split(';')[0];
  if (!described.content) return body === '' ? missing : [...missing, 'a body that is not described'];
  const media = Object.keys(described.content).find((name) => name === type);
  if (!media) return [...missing, `content type ${type} is not described`];
  const schema = JSON.parse(JSON.stringify(described.content[media]?.schema).replaceAll('"#/', '"spec#/'));
  const validate = ajv.compile(schema);
  return validate(body) ? missing : [...missing, ajv.errorsText(validate.errors)];
}

test('every route of the app is described, and every described path is a route', () => {
  const config = readConfig({ SESSION_STORE: 'memory', LOG_LEVEL: 'silent' });
  const routes = readRoutes(createApp(createContext(config))).flatMap(({ path, methods }) =>
    Object.keys(methods)
      .filter((method) => method !== '_all' && method !== 'head')
      .map((method) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`),
  );
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).flatMap((method) => (method === 'servers' || admin.includes(path) ? [] : [`${method} ${path}`])),
  );
  expect(described.toSorted()).toEqual([...new Set(routes)].toSorted());
});

describe('every response conforms', () => {
  let redis: TestRedis;
  let replica: Awaited<ReturnType<typeof startTestReplica>>;
  beforeAll(async () => {
    redis = await startTestRedis();
    replica = await startTestReplica({ REDIS_URL: redis.url });
  });
  afterAll(async () => {
    await replica.drain();
    await redis.stop();
  });

  test('of a visitor who uses everything, also wrongly', async () => {
    const visitor = createVisitor(replica.url);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const json = { 'content-type': 'application/json' };
    const requests: [
      status: number,
      method: string,
      path: string,
      template?: string | undefined,
      body?: unknown,
      headers?: object,
    ][] = [
      [200, 'GET', '/'],
      [200, 'GET', '/files/page.css', '/files/{name}'],
      [404, 'GET', '/files/none.css', '/files/{name}'],
      [200, 'GET', '/whoami'],
      [401, 'GET', '/profile'],
      [401, 'GET', '/sessions'],
      [401, 'GET', '/events'],
      [401, 'DELETE', '/sessions'],
      [400, 'POST', '/login', undefined, { name: '' }],
      [400, 'POST', '/login', undefined, '{', json],
      [415, 'POST', '/login', undefined, 'name=Ada', form],
      [403, 'POST', '/login', undefined, { name: 'Ada' }, { 'sec-fetch-site': 'cross-site' }],
      [413, 'POST', '/login', undefined, { name: 'x'.repeat(20_000) }],
      [200, 'POST', '/login', undefined, { name: 'Ada' }],
      [200, 'GET', '/profile'],
      [200, 'GET', '/whoami'],
      [201, 'POST', '/cart/items', undefined, { sku: 'a1', quantity: 2 }, { 'idempotency-key': 'one' }],
      [422, 'POST', '/cart/items', undefined, { sku: 'a1', quantity: 3 }, { 'idempotency-key': 'one' }],
      [400, 'POST', '/cart/items', undefined, { sku: '…' }],
      [200, 'GET', '/cart'],
      [200, 'DELETE', '/cart/items/a1', '/cart/items/{sku}'],
      [200, 'GET', '/preferences'],
      [200, 'PATCH', '/preferences', undefined, { theme: 'dark', language: 'en' }],
      [400, 'PATCH', '/preferences', undefined, { colour: 'red' }],
      [200, 'GET', '/sessions'],
      [404, 'DELETE', '/sessions/none', '/sessions/{id}'],
      [303, 'POST', '/page/cart?key=k1', '/page/{form}', 'sku=tea&quantity=1', form],
      [
        200,
        'POST',
        '/page/cart?key=k2',
        '/page/{form}',
        'sku=tea&quantity=1',
        { ...form, prefer: 'return=representation' },
      ],
      [303, 'GET', '/page/cart', '/page/{form}'],
      [404, 'GET', '/page/none', '/page/{form}'],
      [204, 'DELETE', '/sessions'],
      [204, 'POST', '/logout'],
    ];
    for (const [status, method, path, template = path, body, headers = {}] of requests) {
      const response = await visitor.send(method, path, body, headers as Record<string, string>);
      const problems = problemsOf(template, method, response.status, response.headers, response.body);
      expect({ request: `${method} ${path}`, status: response.status, problems }).toEqual({
        request: `${method} ${path}`,
        status,
        problems: [],
      });
    }
  });

  test('of a session ended by its handle', async () => {
    const [here, there] = [createVisitor(replica.url), createVisitor(replica.url)];
    for (const visitor of [here, there]) await visitor.send('POST', '/login', { name: 'Eve' });
    const { body } = await there.send('GET', '/whoami');
    const { status, headers, body: text } = await here.send('DELETE', `/sessions/${body.session.id}`);
    expect([status, problemsOf('/sessions/{id}', 'DELETE', status, headers, text)]).toEqual([204, []]);
  });

  test('of a stream', async () => {
    const visitor = createVisitor(replica.url);
    await visitor.send('POST', '/login', { name: 'Eve' });
    const { status, headers, body } = await visitor.send('HEAD', '/events');
    expect([status, problemsOf('/events', 'GET', status, headers, body)]).toEqual([200, []]);
  });

  test.each(admin)('of the admin listener: %s', async (path) => {
    const { status, headers, body } = await createVisitor(replica.adminUrl).send('GET', path);
    expect([status, problemsOf(path, 'GET', status, headers, body)]).toEqual([200, []]);
  });

  test('while Redis is down', async () => {
    const visitor = createVisitor(replica.url);
    await visitor.send('POST', '/login', { name: 'Ada' });
    await redis.stop();
    const { status, headers, body } = await visitor.send('GET', '/profile');
    expect([status, problemsOf('/profile', 'GET', status, headers, body)]).toEqual([503, []]);
  });
});

test('an undescribed response is a problem', () => {
  const headers = new Headers({
    'content-type': 'application/json',
    'x-served-by': 'r',
    'x-request-id': 'i',
    'cache-control': 'no-store',
  });
  expect(problemsOf('/cart', 'GET', 200, headers, { items: [] })).toEqual([]);
  expect(problemsOf('/cart', 'GET', 200, headers, { items: [{ sku: 'a' }] })[0]).toContain('quantity');
  expect(problemsOf('/cart', 'GET', 418, headers, {})[0]).toContain('status 418');
  headers.delete('x-served-by');
  expect(problemsOf('/cart', 'GET', 200, headers, { items: [] })).toEqual(['header X-Served-By is missing']);
});
