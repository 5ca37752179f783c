import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, renameSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, request } from 'node:https';
import path from 'node:path';
import { connect as connectTls, getCiphers } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Fleet } from '../deploy/fleet/fleet.ts';
import { makeDir, reloading, startTestFleet } from '../test/fleet.ts';
import { createVisitor, until } from '../test/replica.ts';

// nginx as in production: limits of an address, and TLS.

let fleet: Fleet;
let http: string;
let https: string;
let end: () => Promise<void>;
const { dir, remove } = makeDir();
beforeAll(async () => {
  const env = { ...process.env, NGINX_MODE: 'production' };
  ({ fleet, http, end } = await startTestFleet({ replicas: 2, dir, env }));
  ({ https } = await fleet.describe());
});
afterAll(() => end().finally(remove));

interface Answer {
  status: number | undefined;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

/** Sends a request over TLS from one of the addresses of this machine. */
function send(from: string, method: string, path: string, body?: object, cookie = '', other = {}): Promise<Answer> {
  const headers = { ...(body && { 'content-type': 'application/json' }), ...(cookie && { cookie }), ...other };
  const options = { method, headers, localAddress: from, agent: agents[from], rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const req = request(https + path, options, async (res) => {
      const text = (await res.setEncoding('utf8').toArray()).join('');
      resolve({ status: res.statusCode, headers: res.headers, body: text });
    });
    req.once('error', reject).end(body && JSON.stringify(body));
  });
}

const [visitor, attacker] = ['127.0.0.1', '127.0.0.2'] as const;
const agents: Record<string, Agent> = {
  [visitor]: new Agent({ keepAlive: true }),
  [attacker]: new Agent({ keepAlive: true, maxSockets: 50 }),
};

/** How often each status was answered. */
function count(answers: Answer[]): Record<string, number> {
  return Object.fromEntries(
    [...Map.groupBy(answers, ({ status }) => String(status))].map(([key, all]) => [key, all.length]),
  );
}

const flood = (times: number, method: string, path: string, body?: object) =>
  Promise.all(Array.from({ length: times }, () => send(attacker, method, path, body)));

test('too many logins from one address get 429; those of other addresses are served', async () => {
  const flooding = flood(200, 'POST', '/login', { name: 'Mallory' });
  const ada = await send(visitor, 'POST', '/login', { name: 'Ada' });
  expect(ada.status).toBe(200);
  const answers = await flooding;
  const counts = count(answers);
  expect(Object.keys(counts).sort()).toEqual(['200', '429']);
  expect(counts['200']).toBeLessThan(40);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.headers).toMatchObject({ 'content-type': 'application/problem+json', 'retry-after': '5' });
  expect(refused?.headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
  expect(JSON.parse(refused?.body ?? '')).toMatchObject({
    type: 'urn:problem-type:unsticky:too-many-requests',
    status: 429,
  });
  const [cookie] = String(ada.headers['set-cookie']).split(';');
  expect((await send(visitor, 'GET', '/profile', undefined, cookie)).status).toBe(200);
});

test('a visitor without a session cannot make thousands of them; one with a session is not held to that rate', async () => {
  const item = { sku: 'a', quantity: 1 };
  expect(count(await flood(200, 'POST', '/cart/items', item))['201']).toBeLessThan(80);
  const first = await send(visitor, 'POST', '/cart/items', item);
  const [cookie] = String(first.headers['set-cookie']).split(';');
  const later = await Promise.all(
    Array.from({ length: 100 }, () => send(visitor, 'POST', '/cart/items', item, cookie)),
  );
  expect(count(later)).toEqual({ 201: 100 });
});

test('a page of many requests at once is served, a flood is not', async () => {
  const page = await Promise.all(Array.from({ length: 100 }, () => send(visitor, 'GET', '/whoami')));
  expect(count(page)).toEqual({ 200: 100 });
  expect(count(await flood(1500, 'GET', '/whoami'))['429']).toBeGreaterThan(300);
});

test.each([
  ['header', 'GET / HTTP/1.1\r\nHost: a\r\nX-Slow: '],
  ['body', 'POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{'],
])('a client that never completes its %s is given up after 5 seconds', async (_, start) => {
  const { hostname: host, port } = new URL(https);
  const socket = connectTls({ host, port: Number(port), rejectUnauthorized: false }, () => socket.write(start));
  const began = performance.now();
  socket.resume().on('error', () => {});
  await once(socket, 'close');
  const tookMs = performance.now() - began;
  expect(tookMs).toBeGreaterThan(4500);
  expect(tookMs).toBeLessThan(9000);
});

test('an address has 200 requests in progress at most; others are served', async () => {
  const { hostname: host, port } = new URL(https);
  const options = { host, port: Number(port), localAddress: '127.0.0.3', rejectUnauthorized: false };
  const start = 'POST /logout HTTP/1.1\r\nHost: a\r\nCookie: sid=a\r\nContent-Length: 9\r\n\r\n{';
  const answers: string[] = [];
  const sockets = Array.from({ length: 230 }, () => {
    const socket = connectTls(options, () => socket.write(start));
    return socket
      .setEncoding('latin1')
      .on('error', () => {})
      .on('data', (text) => void answers.push(String(text)));
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await until(() => answers.filter((text) => / 429 /.test(text)).length === 30);
  expect((await send(visitor, 'GET', '/whoami')).status).toBe(200);
});

test('plain HTTP is sent to TLS, with its path and query', async () => {
  const { status, headers } = await createVisitor(http).send('GET', '/cart?a=1&b=%20');
  expect(status).toBe(308);
  expect(headers.get('location')).toBe(`${https.replace('127.0.0.1', new URL(http).hostname)}/cart?a=1&b=%20`);
});

/** Whether nginx accepts TLS with these ciphers, in this version. */
function accepts(version: 'TLSv1.1' | 'TLSv1.2', ciphers: string): Promise<boolean> {
  const { hostname: host, port } = new URL(https);
  const options = { minVersion: version, maxVersion: version, ciphers: `${ciphers}:@SECLEVEL=0` } as const;
  return new Promise((resolve) => {
    const socket = connectTls({ host, port: Number(port), rejectUnauthorized: false, ...options });
    socket.once('error', () => resolve(false));
    socket.once('secureConnect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

test('TLS 1.1 is refused', async () => {
  expect([await accepts('TLSv1.2', 'ALL'), await accepts('TLSv1.1', 'ALL')]).toEqual([true, false]);
});

test('of all ciphers of TLS 1.2, those are accepted that Mozilla names and that suit the certificate', async () => {
  const ciphers = getCiphers().filter((name) => !name.startsWith('tls_'));
  expect(ciphers.length).toBeGreaterThan(30);
  const accepted: string[] = [];
  for (const name of ciphers) if (await accepts('TLSv1.2', name.toUpperCase())) accepted.push(name.toUpperCase());
  expect(accepted.toSorted()).toEqual([
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
  ]);
});

test('it speaks HTTP/2, also to the session', async () => {
  const client = connectHttp2(https, { rejectUnauthorized: false });
  const ask = (headers: Record<string, string>, body?: string) =>
    new Promise<{ status: unknown; cookie: string }>((resolve, reject) => {
      const stream = client.request(headers);
      stream.once('response', (answer) => {
        resolve({ status: answer[':status'], cookie: String(answer['set-cookie'] ?? '').split(';')[0] as string });
        stream.resume();
      });
      stream.once('error', reject).end(body);
    });
  const item = { ':method': 'POST', ':path': '/cart/items', 'content-type': 'application/json' };
  const { status, cookie } = await ask(item, '{"sku":"a","quantity":1}');
  expect(status).toBe(201);
  expect(await ask({ ':path': '/cart', cookie })).toMatchObject({ status: 200 });
  client.close();
});

test('the addresses of an IPv6 network count as one', async () => {
  // As behind a proxy that says which address a visitor has.
  const proxy = '127.0.0.3';
  const trust = `set_real_ip_from ${proxy};\nreal_ip_header X-Visitor;\n`;
  appendFileSync(path.join(dir, 'nginx/driver/mode.conf'), trust);
  await reloading(() => fleet.proxy.reload());
  const logIn = (address: string) => send(proxy, 'POST', '/login', { name: 'Ada' }, '', { 'x-visitor': address });
  for (const network of ['2001:db8:1:1::', '2001:db8::', '2001:db8:2::', '2001:db8:3:4:5:6:7:']) {
    // More than the 20 of a burst.
    const addresses = Array.from({ length: 80 }, (_, host) => network + (host + 1).toString(16));
    const counts = count(await Promise.all(addresses.map(logIn)));
    expect(counts['429'], network).toBeGreaterThan(10);
  }
  const networks = Array.from({ length: 40 }, (_, number) => `2001:db8:9:${(number + 1).toString(16)}::1`);
  expect(count(await Promise.all(networks.map(logIn)))).toEqual({ 200: 40 });
});

test('a new certificate is used after a reload, and no request fails', async () => {
  const fingerprint = () =>
    new Promise<string>((resolve, reject) => {
      const { hostname: host, port } = new URL(https);
      const socket = connectTls({ host, port: Number(port), rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.once('error', reject);
    });
  const before = await fingerprint();
  const fresh = mkdtempSync(path.join(dir, 'fresh-'));
  execFileSync('sh', ['nginx/certificate.sh', fresh]);
  let isOver = false;
  const statuses: (number | undefined)[] = [];
  const visits = (async () => {
    while (!isOver)
      statuses.push((await send('127.0.0.4', 'GET', '/whoami', undefined, '', { connection: 'close' })).status);
  })();
  // The key first: nginx reads both at a reload only.
  for (const name of ['tls.key', 'tls.crt']) renameSync(path.join(fresh, name), path.join(dir, 'nginx/tls', name));
  await fleet.proxy.reload();
  await until(async () => (await fingerprint()) !== before);
  const renewed = statuses.length;
  await until(() => statuses.length > renewed + 5); // on a busy machine a visit takes as long as the reload
  isOver = true;
  await visits;
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
});
