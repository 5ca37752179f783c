import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createVisitor,
  secretOf,
  sessionIdOf,
  startTestRedis,
  startTestReplica,
  type TestRedis,
} from '../test/replica.ts';

let redis: TestRedis;
let replica: Awaited<ReturnType<typeof startTestReplica>>;
const lines: string[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
  replica = await startTestReplica({ REDIS_URL: redis.url }, lines);
});
afterAll(async () => {
  await replica.drain();
  await redis.stop();
});

const item = '/cart/items';
const json = { 'content-type': 'application/json' };

describe('bad input gets a problem+json response that says what is wrong', () => {
  test.each<[number, string, string, unknown, Record<string, string>, string]>([
    [400, 'POST', '/login', {}, {}, 'name must be a string'],
    [400, 'POST', '/login', { name: 7 }, {}, 'name must be a string'],
    [400, 'POST', '/login', { name: '  ' }, {}, 'name must be 1 to 64 printable characters'],
    [400, 'POST', '/login', { name: '\u200d' }, {}, 'name must be 1 to 64 printable characters'],
    [400, 'POST', '/login', { name: '\u3164' }, {}, 'name must be 1 to 64 printable characters'],
    [400, 'POST', '/login', { name: '\u2800 \u0301' }, {}, 'name must be 1 to 64 printable characters'],
    [400, 'POST', '/login', { name: 'x'.repeat(65) }, {}, 'name must be'],
    [400, 'POST', '/login', { name: 'a\u0000b' }, {}, 'name must be'],
    [400, 'POST', '/login', { name: 'Ada', admin: true }, {}, 'admin is unknown'],
    [400, 'POST', '/login', [], {}, 'body'],
    [400, 'POST', '/login', undefined, {}, 'name must be a string'],
    [400, 'POST', '/login', '{"name":', json, 'not well-formed JSON'],
    [400, 'POST', '/login', '"Ada"', json, 'not well-formed JSON'],
    [400, 'POST', item, { sku: 'a', quantity: 0 }, {}, 'quantity must be 1 or more'],
    [400, 'POST', item, { sku: 'a', quantity: 1.5 }, {}, 'quantity must be a whole number'],
    [400, 'POST', item, { sku: 'a', quantity: '1' }, {}, 'quantity must be a whole number'],
    [400, 'POST', item, { sku: 'a', quantity: 1e99 }, {}, 'quantity'],
    [400, 'POST', item, { sku: '../x', quantity: 1 }, {}, 'sku must be'],
    [400, 'POST', item, { quantity: 1 }, {}, 'sku must be a string'],
    [400, 'POST', item, { sku: '..', quantity: 1 }, {}, 'not dots alone'],
    [400, 'POST', item, '{"sku":"a","quantity":1,"__proto__":{"user":1}}', json, '__proto__ is unknown'],
    [400, 'PATCH', '/preferences', { theme: 'blue' }, {}, 'theme must be light, dark or system'],
    [400, 'PATCH', '/preferences', { language: 'x y' }, {}, 'language must be a language tag'],
    [400, 'PATCH', '/preferences', { font: 'serif' }, {}, 'font is unknown'],
    [400, 'DELETE', '/cart/items/%zz', undefined, {}, 'not well-formed'],
    [403, 'POST', '/login', { name: 'Ada' }, { 'sec-fetch-site': 'cross-site' }, 'pages of this site'],
    [403, 'POST', '/login', { name: 'Ada' }, { origin: 'https://elsewhere.example' }, 'pages of this site'],
    [403, 'POST', '/logout', undefined, { origin: 'null' }, 'pages of this site'],
    [404, 'GET', '/nowhere', undefined, {}, '/nowhere'],
    [405, 'GET', '/login', undefined, {}, 'use POST'],
    [405, 'GET', '/logout', undefined, {}, 'use POST'],
    [405, 'PUT', '/cart', {}, {}, 'use HEAD or GET'],
    [405, 'DELETE', '/', undefined, {}, 'use HEAD or GET'],
    [413, 'POST', item, { sku: 'a'.repeat(20_000), quantity: 1 }, {}, '16384 bytes'],
    [415, 'POST', '/login', 'name=Ada', { 'content-type': 'application/x-www-form-urlencoded' }, 'application/json'],
    [415, 'POST', '/login', '{"name":"Ada"}', { 'content-type': 'text/plain' }, 'application/json'],
    [415, 'POST', '/login', '{"name":"Ada"}', { ...json, 'content-encoding': 'rot13' }, 'gzip'],
  ])('%i to %s %s %j %j', async (status, method, path, body, headers, detail) => {
    const answer = await createVisitor(replica.url).send(method, path, body, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({ status, type: expect.stringMatching(/^urn:problem-type:unsticky:[a-z-]+$/) });
    expect(answer.body.detail).toContain(detail);
    expect(JSON.stringify(answer.body)).not.toMatch(/\bat .*\.ts|node_modules/);
    if (status === 405) expect(answer.headers.get('allow')).toBeTruthy();
  });

  test('an invalid field is named in errors too', async () => {
    const { body } = await createVisitor(replica.url).send('POST', item, { sku: '', quantity: 100 });
    expect(body.errors.map(({ field }: { field: string }) => field)).toEqual(['sku', 'quantity']);
  });

  test('a full cart is 422', async () => {
    const visitor = createVisitor(replica.url);
    for (let time = 0; time < 101; time++) await visitor.send('POST', item, { sku: 'a', quantity: 99 });
    const full = await visitor.send('POST', item, { sku: 'a', quantity: 99 });
    expect(full).toMatchObject({ status: 422, body: { detail: expect.stringContaining('quantity') } });
  });
});

test.each([
  'sid=',
  'sid=%E0%A4%A',
  'sid=s%3Aabc',
  'sid=s%3Aabc.def',
  'sid=abc; sid=def',
  'sid=s:../../etc/passwd.x',
  ';;;===',
  'sid=s%3AfzYxlAAx_ON1dtCuDqEB1DFPhmrZtRLM.3Q8jZ0vK5c0bF1JmXH3bYb4j1mEo7Yp0G9m9n5o5o5o',
  `sid=${'x'.repeat(3000)}`,
])('a malformed or foreign cookie is a new visitor: %s', async (cookie) => {
  const visitor = createVisitor(replica.url, cookie);
  expect(await visitor.send('GET', '/whoami')).toMatchObject({ status: 200, body: { user: null, session: null } });
  expect((await visitor.send('POST', '/cart/items', { sku: 'a', quantity: 1 })).status).toBe(201);
  expect((await visitor.send('GET', '/cart')).body.items).toHaveLength(1);
});

test('a cookie that another secret signed is a new visitor', async () => {
  const other = await startTestReplica({ REDIS_URL: redis.url, SESSION_SECRETS: 'o'.repeat(32) });
  const visitor = createVisitor(other.url);
  await visitor.send('POST', '/login', { name: 'Ada' });
  await other.drain();
  expect((await createVisitor(replica.url, visitor.cookie).send('GET', '/profile')).status).toBe(401);
});

test('a page of this site may make changes', async () => {
  const visitor = createVisitor(replica.url);
  for (const headers of [{ 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }, { origin: replica.url }]) {
    expect((await visitor.send('POST', '/login', { name: 'Ada' }, headers)).status).toBe(200);
  }
});

test('a request that is not HTTP is 400, and the replica keeps running', async () => {
  const answer = await new Promise<number | undefined>((resolve) => {
    const req = request(`${replica.url}/cart`, { headers: { 'x-long': 'x'.repeat(60_000) } }, (res) =>
      resolve(res.statusCode),
    );
    req.once('error', () => resolve(undefined)).end();
  });
  expect(answer).toBe(431);
  expect((await createVisitor(replica.url).send('GET', '/whoami')).status).toBe(200);
});

test('a request target without a path is 400', async () => {
  const { hostname, port } = new URL(replica.url);
  for (const text of ['OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 'no HTTP at all\r\n\r\n']) {
    const socket = connect(Number(port), hostname).setEncoding('utf8');
    socket.write(text);
    expect((await socket.toArray()).join('')).toMatch(
      /^HTTP\/1.1 400 [\s\S]*application\/problem\+json[\s\S]*invalid-request/,
    );
  }
});

test('an invalid Idempotency-Key is 400: a repeat would take effect again', async () => {
  for (const key of ['', 'a b', 'x'.repeat(129)]) {
    const answer = await createVisitor(replica.url).send(
      'POST',
      item,
      { sku: 'a', quantity: 1 },
      { 'idempotency-key': key },
    );
    expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringContaining('Idempotency-Key') } });
  }
});

test('a name may have joiners, as Persian words and emoji families do; without them it is the same user', async () => {
  for (const name of ['می\u200cخواهم', '👨\u200d👩\u200d👧', 'Zoë', 'O’Neill', '李']) {
    const visitor = createVisitor(replica.url);
    const { status, body } = await visitor.send('POST', '/login', { name });
    expect([status, body.user?.name]).toEqual([200, name]);
  }
  const ids = ['Ada', 'A\u200dda'].map(
    async (name) => (await createVisitor(replica.url).send('POST', '/login', { name })).body,
  );
  expect((await Promise.all(ids)).map(({ user }) => user.id)).toEqual(['ada', 'ada']);
});

test('none of this was a server error, and no log line has a cookie, a secret or a session id', async () => {
  const visitor = createVisitor(replica.url);
  await visitor.send('POST', '/login?token=query-secret', { name: 'Ada' }, { 'x-request-id': 'given.1' });
  const id = secretOf(sessionIdOf(visitor.cookie));
  expect(id).toHaveLength(32);
  const log = lines.join('');
  expect(log).toContain('"requestId":"given.1","method":"POST","path":"/login","status":200');
  expect(log).not.toMatch(/"status":5|"level":50/);
  for (const secret of [id, 'query-secret', 'not-a-secret-for-development-only', 'sid='])
    expect(log).not.toContain(secret);
});

test('a malformed request id is replaced', async () => {
  const { headers } = await createVisitor(replica.url).send('GET', '/whoami', undefined, { 'x-request-id': 'a b"c' });
  expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});
