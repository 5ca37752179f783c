import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { connectViewer, openRoom, startServedFleet } from '../../test/control-room.ts';

let fleet: Awaited<ReturnType<typeof startServedFleet>>;
let room: Awaited<ReturnType<typeof openRoom>>;
let other: Awaited<ReturnType<typeof openRoom>>;
beforeAll(async () => {
  fleet = await startServedFleet({ replicas: 1 });
  room = await openRoom({ fleet: await fleet.connect() });
  other = await openRoom({ fleet: await fleet.connect() });
});
afterAll(async () => {
  await room?.close();
  await other?.close();
  await fleet?.end();
});

interface Options {
  method?: string;
  headers?: Record<string, string | undefined>;
  body?: string;
}

/** Sends a request of the page, changed by the options; fetch does not allow a false `Host`. */
function ask(path: string, { method = 'POST', headers = {}, body = '{"replica":1}' }: Options = {}) {
  const { hostname, port, host } = new URL(room.url);
  const own = { host, origin: room.url, authorization: `Bearer ${room.token}`, 'content-type': 'application/json' };
  const all = Object.entries({ ...own, ...headers }).filter(([, value]) => value !== undefined);
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }>((resolve, reject) => {
    const options = {
      agent: false as const,
      hostname,
      port,
      path,
      method,
      headers: Object.fromEntries(all) as Record<string, string>,
    };
    const req = request(options, async (res) => {
      const text = (await res.setEncoding('utf8').toArray()).join('');
      resolve({ status: res.statusCode as number, headers: res.headers, text });
    });
    req.once('error', reject).end(method === 'GET' ? undefined : body);
  });
}

/** The actions in the event log: an accepted one is logged at once. */
async function loggedActions(): Promise<string[]> {
  const viewer = await connectViewer(room);
  await expect.poll(() => viewer.view, { timeout: 10_000 }).toBeDefined();
  viewer.leave();
  return viewer.log().filter((text) => text.startsWith('Restart'));
}

test.each<[string, Options, number, RegExp]>([
  [
    'to another name that resolves to this machine',
    { headers: { host: 'evil.example:9700' } },
    403,
    /Open the room at/,
  ],
  ['to a name without the port', { headers: { host: '127.0.0.1' } }, 403, /Open the room at/],
  ['from another site', { headers: { origin: 'https://evil.example' } }, 403, /own page/],
  ['from a page without an origin', { headers: { origin: 'null' } }, 403, /own page/],
  ['from another port of this machine', { headers: { origin: 'http://127.0.0.1:8080' } }, 403, /own page/],
  ['that the browser marks as cross-site', { headers: { 'sec-fetch-site': 'cross-site' } }, 403, /own page/],
  [
    'that the browser marks as same-site, from another port',
    { headers: { 'sec-fetch-site': 'same-site' } },
    403,
    /own page/,
  ],
  ['without a token', { headers: { authorization: undefined } }, 401, /Open the link/],
  ['with half a token', { headers: { authorization: 'Bearer abc' } }, 401, /Open the link/],
  ['with GET', { method: 'GET' }, 405, /Use POST/],
  ['sent as a form', { headers: { 'content-type': 'text/plain' } }, 415, /Send JSON/],
  ['with a large body', { body: JSON.stringify({ replica: 1, more: 'x'.repeat(2000) }) }, 413, /at most 1024/],
  [
    'with a large body of unknown length',
    { headers: { 'transfer-encoding': 'chunked' }, body: 'x'.repeat(9000) },
    413,
    /at most/,
  ],
  ['with invalid JSON', { body: '{' }, 400, /Send/],
  ['with a replica that is not a number', { body: '{"replica":"1"}' }, 400, /Send/],
])('an action %s is refused and not run', async (_, options, status, message) => {
  const answer = await ask('/actions/restart', options);
  expect(answer).toMatchObject({ status, text: expect.stringMatching(message) });
  expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  expect(await loggedActions()).toEqual([]);
});

test('an action as the page sends it is accepted', async () => {
  expect((await ask('/actions/restart')).status).toBe(202);
  expect(await loggedActions()).toHaveLength(1);
});

test('the token of another room allows neither actions nor viewing', async () => {
  const headers = { authorization: `Bearer ${other.token}` };
  expect((await ask('/actions/restart', { headers })).status).toBe(401);
  expect((await ask('/events', { method: 'GET', headers })).status).toBe(401);
});

test('unknown actions are refused, also the names of inherited properties', async () => {
  for (const name of ['explode', 'constructor', '__proto__'])
    expect(await ask(`/actions/${name}`)).toMatchObject({ status: 404, text: expect.stringMatching('no action') });
});

test('a CORS preflight of another site is refused', async () => {
  const preflight = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
  const answer = await ask('/actions/kill', { method: 'OPTIONS', headers: preflight });
  expect(answer.status).toBe(403);
  expect(answer.headers['access-control-allow-origin']).toBeUndefined();
});

test('the page needs no token, contains none, and has a strict content security policy', async () => {
  for (const path of ['/', '/main.js', '/uplot.js', '/base.css', '/styles/layout.css', '/icon.svg']) {
    const answer = await ask(path, { method: 'GET', headers: { authorization: undefined, origin: undefined } });
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain(room.token);
    const policy = String(answer.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(answer.headers).toMatchObject({
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  }
  // Only files that were read at the start are served.
  const outside = await ask('/../room.ts', { method: 'GET', headers: { authorization: undefined } });
  expect(outside.status).toBe(401);
});

test('connections that send nothing lock others out for 3 s at most', async () => {
  const { hostname, port } = new URL(room.url);
  const sockets = Array.from({ length: 300 }, () => connect(Number(port), hostname).on('error', () => {}));
  onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
  await expect.poll(() => sockets.every((socket) => !socket.connecting), { timeout: 5000 }).toBe(true);
  const isAnswered = () =>
    ask('/', { method: 'GET' }).then(
      ({ status }) => status === 200,
      () => false,
    );
  await expect.poll(isAnswered, { timeout: 3000, interval: 100 }).toBe(true);
});

test('it listens on 127.0.0.1 only', async () => {
  const { port } = new URL(room.url);
  await expect(fetch(`http://127.0.0.2:${port}/`)).rejects.toThrow();
});

test('events contain no cookie, secret or token', async () => {
  const viewer = await connectViewer(room);
  await expect.poll(() => viewer.view?.replicas.length, { timeout: 10_000 }).toBe(1);
  expect(viewer.text).not.toContain(room.token);
  expect(viewer.text).not.toMatch(/sid=|SESSION_SECRET|cookie/i);
  viewer.leave();
});
