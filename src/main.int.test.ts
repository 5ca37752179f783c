import { closeSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createVisitor, spawnReplica, startTestRedis, type TestRedis, until } from '../test/replica.ts';

let redis: TestRedis;
const started: Awaited<ReturnType<typeof spawnReplica>>[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const { child, exited } of started.splice(0)) {
    child.kill('SIGKILL');
    await exited;
  }
});
afterAll(() => redis.stop());

async function start(settings: Record<string, string> = {}, stdout?: number) {
  const replica = await spawnReplica({ REDIS_URL: redis.url, ...settings }, stdout);
  started.push(replica);
  return replica;
}

const isReady = (adminUrl: string) =>
  until(async () => (await createVisitor(adminUrl).send('GET', '/readyz')).status === 200);

test('invalid settings end the start with exit code 1 and one readable message', async () => {
  const settings = { PORT: '8080x', SESSION_STORE: 'files', NODE_ENV: 'production', SESSION_SECRETS: 'too-short' };
  const replica = await start(settings);
  expect(await replica.exited).toBe(1);
  expect(replica.said().trim().split('\n')).toHaveLength(4);
  for (const name of ['PORT', 'SESSION_STORE', 'SESSION_SECRETS']) expect(replica.said()).toContain(name);
  expect(replica.said()).not.toMatch(/too-short|\bat .*\.ts/);
});

test.each(['PORT', 'ADMIN_PORT'])('a %s in use ends the start with exit code 1', async (name) => {
  const first = await start();
  await isReady(first.adminUrl);
  const second = await start({ [name]: new URL(name === 'PORT' ? first.url : first.adminUrl).port });
  expect(await second.exited).toBe(1);
  expect(second.said()).toContain('EADDRINUSE');
});

test('it logs how long the start took and how much memory it has', async () => {
  const replica = await start();
  await isReady(replica.adminUrl);
  const ready = JSON.parse(
    (await until(() =>
      replica
        .said()
        .split('\n')
        .find((line) => line.includes('"msg":"ready"')),
    )) ?? '',
  );
  expect(ready).toMatchObject({ startMs: expect.any(Number), rssMb: expect.any(Number), store: 'durable' });
});

test('stopped (SIGSTOP) for longer than a call to Redis may take, and again and again: every request gets its answer', async () => {
  const replica = await start();
  await isReady(replica.adminUrl);
  const visitors = Array.from({ length: 24 }, () => createVisitor(replica.url));
  await Promise.all(visitors.map((visitor, at) => visitor.send('POST', '/login', { name: `visitor-${at}` })));
  const statuses = new Set<number>();
  let isOver = false;
  const visits = visitors.map(async (visitor) => {
    while (!isOver) {
      statuses.add((await visitor.send('PATCH', '/preferences', { theme: 'dark' })).status);
      statuses.add((await visitor.send('GET', '/profile')).status);
    }
  });
  for (let time = 0; time < 8; time++) {
    await sleep(60);
    replica.child.kill('SIGSTOP');
    await sleep(700);
    replica.child.kill('SIGCONT');
  }
  isOver = true;
  await Promise.all(visits);
  expect([...statuses]).toEqual([200]);
});

test('with a full disk for its log it serves and stops as usual, and counts the lines that are lost', async () => {
  const full = openSync('/dev/full', 'w');
  const replica = await start({}, full);
  closeSync(full);
  await isReady(replica.adminUrl);
  const visitor = createVisitor(replica.url);
  expect((await visitor.send('POST', '/login', { name: 'Ada' })).status).toBe(200);
  expect((await visitor.send('GET', '/profile')).body.user.name).toBe('Ada');
  const { body } = await createVisitor(replica.adminUrl).send('GET', '/metrics');
  expect(Number(/^log_lines_dropped_total\{.*\} (\d+)$/m.exec(body)?.[1])).toBeGreaterThan(0);
  replica.child.kill('SIGTERM');
  expect(await replica.exited).toBe(0);
});

test('SIGTERM drains: not ready, Connection: close, requests in flight are answered, exit code 0', async () => {
  const replica = await start({ DRAIN_DELAY_MS: '300' });
  await isReady(replica.adminUrl);
  const { hostname, port } = new URL(replica.url);
  const body = JSON.stringify({ sku: 'a', quantity: 1 });
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  let answer = '';
  socket.on('data', (text) => {
    answer += text;
  });
  socket.write(
    `POST /cart/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  // Its headers have been read once a request on a newer connection is answered.
  await createVisitor(replica.url).send('GET', '/whoami');

  replica.child.kill('SIGTERM');
  await until(async () => (await createVisitor(replica.adminUrl).send('GET', '/readyz')).status === 503);
  const during = await createVisitor(replica.url).send('GET', '/whoami');
  expect(during).toMatchObject({ status: 200 });
  expect(during.headers.get('connection')).toBe('close');
  await until(() =>
    createVisitor(replica.url)
      .send('GET', '/whoami')
      .then(
        () => false,
        () => true,
      ),
  );
  socket.write(body);
  await until(() => answer.includes('\r\n\r\n'));
  expect(answer).toMatch(/^HTTP\/1.1 201 Created\r\n[\s\S]*Connection: close/);
  expect(await replica.exited).toBe(0);
  expect(replica.said()).toContain('"finished":true,"msg":"stopped"');
});

test('a request that never ends does not delay the drain', async () => {
  const replica = await start({ DRAIN_DELAY_MS: '0', DRAIN_GRACE_MS: '200' });
  await isReady(replica.adminUrl);
  const { hostname, port } = new URL(replica.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.write('POST /cart/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n');
  await createVisitor(replica.url).send('GET', '/whoami');
  replica.child.kill('SIGTERM');
  expect(await replica.exited).toBe(1);
  expect(replica.said()).toContain('"finished":false,"msg":"stopped"');
});

test('a Redis that hangs does not delay the drain', async () => {
  const replica = await start({ DRAIN_DELAY_MS: '0' });
  await isReady(replica.adminUrl);
  redis.process().kill('SIGSTOP');
  expect((await createVisitor(replica.url).send('POST', '/cart/items', { sku: 'a', quantity: 1 })).status).toBe(503);
  replica.child.kill('SIGTERM');
  const ended = await Promise.race([replica.exited, until(() => false).catch(() => 'still there')]);
  redis.process().kill('SIGCONT');
  expect(ended).toBe(0);
});

test('a second signal ends it immediately', async () => {
  const replica = await start({ DRAIN_DELAY_MS: '60000' });
  await isReady(replica.adminUrl);
  replica.child.kill('SIGTERM');
  await until(() => replica.said().includes('draining'));
  replica.child.kill('SIGTERM');
  expect(await replica.exited).toBe(1);
});
