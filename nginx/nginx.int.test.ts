import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fleet } from '../deploy/fleet/fleet.ts';
import { servedBy, waitFor } from '../deploy/fleet/wait.ts';
import { startTestFleet } from '../test/fleet.ts';
import { createVisitor } from '../test/replica.ts';

let fleet: Fleet;
let http: string;
let end: () => Promise<void>;
beforeAll(async () => {
  ({ fleet, http, end } = await startTestFleet({ replicas: 2 }));
});
afterAll(() => end());

const add = { sku: 'a', quantity: 1 };
const problem = 'application/problem+json';

/** Sends what undici refuses to send. */
function send(url: string, headers: Record<string, string>) {
  return new Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
    const request = url.startsWith('https') ? httpsRequest : httpRequest;
    request(url, { headers, rejectUnauthorized: false }, (res) => {
      res.resume();
      res.once('end', () => resolve({ status: res.statusCode, headers: res.headers }));
    })
      .once('error', reject)
      .end();
  });
}

/** Sends text that is not HTTP. @returns everything received */
async function sendRaw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  socket.write(text);
  return (await socket.toArray()).join('');
}

/** Both replicas get requests again: one that hung was set aside. */
const bothServe = () => servedBy(http, ['replica-1', 'replica-2']);

test('when a replica hangs, requests that are safe to repeat go to the other; a POST without a key does not', async () => {
  await fleet.pause(1);
  const visitor = createVisitor(http);
  const post = (headers: Record<string, string>) => visitor.send('POST', '/cart/items', add, headers);
  const once = await Promise.all([post({}), post({})]);
  expect(once.map(({ status }) => status).sort()).toEqual([201, 504]);
  const failed = once.find(({ status }) => status === 504);
  expect(failed?.headers.get('content-type')).toBe(problem);
  expect(failed?.body).toMatchObject({ status: 504, type: 'urn:problem-type:unsticky:replica-timeout' });
  expect(failed?.headers.get('retry-after')).toBe('1');
  const keyed = await Promise.all([post({ 'idempotency-key': 'a' }), post({ 'idempotency-key': 'b' })]);
  expect(keyed.map(({ status }) => status)).toEqual([201, 201]);
  const safe = await Promise.all([visitor.send('GET', '/cart'), visitor.send('DELETE', '/cart/items/x')]);
  expect(safe.map(({ status }) => status)).toEqual([200, 200]);
  await fleet.resume(1);
  await bothServe();
});

test('a replica that hangs is set aside after two requests, and tried again by few', async () => {
  await fleet.pause(1);
  const times: number[] = [];
  const start = performance.now();
  while (performance.now() - start < 8000) {
    const sent = performance.now();
    expect((await createVisitor(http).send('GET', '/whoami')).status).toBe(200);
    times.push(performance.now() - sent);
  }
  const slow = times.filter((ms) => ms > 1500).length;
  expect(slow).toBeGreaterThanOrEqual(2);
  expect(slow).toBeLessThanOrEqual(4); // without setting it aside, every other request
  expect(times.length).toBeGreaterThan(100);
  await fleet.resume(1);
  await bothServe();
});

test('if all replicas hang, each is asked once: a second round would multiply an overload', async () => {
  await Promise.all([fleet.pause(1), fleet.pause(2)]);
  const start = performance.now();
  const answers = await Promise.all([1, 2].map(() => createVisitor(http).send('GET', '/whoami')));
  expect(answers.map(({ status }) => status)).toEqual([504, 504]);
  expect(performance.now() - start).toBeLessThan(5500);
  await Promise.all([fleet.resume(1), fleet.resume(2)]);
  expect((await createVisitor(http).send('GET', '/whoami')).status).toBe(200); // though both are set aside
  await bothServe();
});

test('a form with its key in the URL goes to the other replica when one hangs, and takes effect once', async () => {
  const visitor = createVisitor(http);
  const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };
  const post = (path: string) => visitor.send('POST', path, 'sku=a&quantity=1', urlencoded);
  await fleet.pause(1);
  const keyed = await Promise.all([post('/page/cart?key=a'), post('/page/cart?key=b')]);
  expect(keyed.map(({ status }) => status)).toEqual([303, 303]);
  await fleet.resume(1);
  await bothServe();
  await fleet.pause(1);
  const paths = ['/page/cart', '/page/cart?KEY=a', '/page/cart?other=1&key=a', '/cart/items?key=a'];
  const once = await Promise.all([...paths, ...paths].map(post));
  expect(once.filter(({ status }) => status === 504)).toHaveLength(4);
  await fleet.resume(1);
  await bothServe();
});

test('when a replica is dead, even a POST without a key goes to the other: nothing of it was sent', async () => {
  await fleet.kill(1);
  const visitor = createVisitor(http);
  for (let sent = 0; sent < 6; sent++) expect((await visitor.send('POST', '/cart/items', add)).status).toBe(201);
  expect((await visitor.send('GET', '/cart')).body.items[0].quantity).toBe(6);
});

test('without replicas nginx answers problem+json, and serves again as soon as one is back', async () => {
  await fleet.kill(2);
  const visitor = createVisitor(http);
  for (const [method, body] of [
    ['GET', undefined],
    ['POST', add],
  ] as const) {
    const answer = await visitor.send(method, '/cart/items', body);
    expect(answer).toMatchObject({ status: 502, body: { type: 'urn:problem-type:unsticky:replica-unreachable' } });
    expect(answer.headers.get('content-type')).toBe(problem);
    expect(answer.headers.get('x-served-by')).toBe('nginx');
  }
  await fleet.restart(1);
  expect((await visitor.send('GET', '/cart')).status).toBe(200);
  await fleet.restart(2);
});

test('bodies and headers are limited, with a clear response', async () => {
  const visitor = createVisitor(http);
  const large = await visitor.send('POST', '/cart/items', { sku: 'a'.repeat(20_000), quantity: 1 });
  expect(large).toMatchObject({ status: 413, body: { type: 'urn:problem-type:unsticky:body-too-large' } });
  expect(large.headers.get('content-type')).toBe(problem);
  const headers = await send(`${http}/whoami`, { 'x-long': 'x'.repeat(10_000) });
  expect(headers).toMatchObject({ status: 431, headers: { 'content-type': problem } });
  const address = await send(`${http}/${'x'.repeat(10_000)}`, {});
  expect(address).toMatchObject({ status: 414, headers: { 'content-type': problem } });
  expect(await send(`${http}/nginx-problem/414`, {})).toMatchObject({
    status: 404,
    headers: { 'content-type': problem },
  });
  const unreadable = await sendRaw(http, 'GET /who ami HTTP/1.1\r\nHost x\r\n\r\n');
  for (const text of [
    'TRACE / HTTP/1.1\r\nHost: x',
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: foo',
    'GET / HTTP/3.0\r\nHost: x',
  ]) {
    expect(await sendRaw(http, `${text}\r\nConnection: close\r\n\r\n`)).toContain('application/problem+json');
  }
  const { https } = await fleet.describe();
  expect(await sendRaw(https, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).toContain('This port speaks TLS');
  expect(await sendRaw(http, 'GET /whoami HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200/);
  expect(unreadable).toMatch(/^HTTP\/1.1 400 [\s\S]*application\/problem\+json[\s\S]*invalid-request/);
});

test('a body in chunks of one byte is passed on like any other, and reaches no file', async () => {
  const { hostname, port } = new URL(http);
  const body = JSON.stringify(add).padEnd(16_000);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  const head = 'POST /cart/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close';
  socket.write(`${head}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  for (const byte of body) socket.write(`1\r\n${byte}\r\n`);
  socket.write('0\r\n\r\n');
  expect((await socket.toArray()).join('')).toMatch(/^HTTP\/1.1 201 Created/);
});

test("nginx's own responses have the headers that keep browsers from misusing them", async () => {
  const { headers } = await send(`${http}/nginx-problem/414`, {});
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
});

test('every response that is JSON ends with a newline, for the prompt of a shell', async () => {
  for (const path of ['/whoami', '/profile', '/nginx-problem/414']) {
    const response = await fetch(http + path);
    expect(response.headers.get('content-type')).toMatch(/^application\/(problem\+)?json/);
    expect(await response.text()).toMatch(/^\{.*\}\n$/);
  }
});

test('what the control room asks each second is not logged', async () => {
  const answer = await send(`${http}/nginx-problem/404`, { 'x-request-id': 'probe' });
  expect(answer.status).toBe(404);
  await createVisitor(http).send('GET', '/nope', undefined, { 'x-request-id': 'after-it' });
  const lines: string[] = [];
  const read = () => fleet.logs({ parts: ['nginx'], lines: 20 }, (line) => lines.push(line));
  await waitFor('the later request is logged', () => read().then(() => lines.join().includes('"after-it"')), {
    timeoutMs: 5000,
  });
  expect(lines.join()).not.toContain('"probe"');
});

test("the client's request id is kept if it is well-formed", async () => {
  const visitor = createVisitor(http);
  const given = await visitor.send('GET', '/whoami', undefined, { 'x-request-id': 'order-7' });
  expect(given.headers.get('x-request-id')).toBe('order-7');
  const made = await visitor.send('GET', '/whoami', undefined, { 'x-request-id': 'a b' });
  expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
  const lines: string[] = [];
  await fleet.logs({ parts: ['nginx'], lines: 5 }, (line) => lines.push(line.slice(line.indexOf('|') + 2)));
  const access = lines.filter((line) => line.startsWith('{'));
  const logged = access.map((line) => JSON.parse(line)).find(({ requestId }) => requestId === 'order-7');
  expect(logged).toMatchObject({
    method: 'GET',
    path: '/whoami',
    status: 200,
    upstreamStatus: expect.stringMatching(/^(502 : )?200$/) /* in the second round, while both are set aside */,
    servedBy: expect.stringMatching(/^replica-/),
  });
});

test('over TLS the cookie is __Host- and Secure; a client cannot pretend to use TLS', async () => {
  const { https } = await fleet.describe();
  expect((await send(`${https}/whoami`, {})).status).toBe(200);
  const visitor = createVisitor(http);
  const pretended = await visitor.send('POST', '/cart/items', add, {
    'x-forwarded-proto': 'https',
    forwarded: 'proto=https',
  });
  expect(pretended.headers.get('set-cookie')).toMatch(/^sid=/);
  const cookie = await new Promise<string[]>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const req = httpsRequest(`${https}/cart/items`, { method: 'POST', headers, rejectUnauthorized: false }, (res) => {
      res.resume();
      resolve(res.headers['set-cookie'] ?? []);
    });
    req.once('error', reject).end(JSON.stringify(add));
  });
  expect(cookie[0]).toMatch(/^__Host-sid=.*; Secure;/);
});
