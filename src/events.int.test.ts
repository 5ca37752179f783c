import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createVisitor, startTestRedis, startTestReplica, type TestRedis, until } from '../test/replica.ts';

// The stream of a session's events: GET /events.

let redis: TestRedis;
const ends: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(() => Promise.all(ends.splice(0).map((end) => end())));
afterAll(() => redis.stop());

async function start(settings: Record<string, string> = {}, lines?: string[]) {
  const replica = await startTestReplica({ REDIS_URL: redis.url, ...settings }, lines);
  ends.push(() => replica.drain());
  return replica;
}

async function logIn(url: string, name = `Ada ${crypto.randomUUID()}`) {
  const visitor = createVisitor(url);
  await visitor.send('POST', '/login', { name });
  return visitor;
}

/** Opens a stream, and collects what it says. */
async function open(url: string, cookie: string) {
  const away = new AbortController();
  const response = await fetch(`${url}/events`, { headers: { cookie }, signal: away.signal });
  const stream = { response, text: '', isOver: false, leave: () => away.abort() };
  const read = async () => {
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) stream.text += text;
  };
  read()
    .catch(() => {})
    .finally(() => {
      stream.isOver = true;
    });
  return stream;
}

const served = 'event: served\ndata: {"replica":"test"}\n\n';
const end = 'event: end\ndata: {}\n\n';

test.each(['POST /logout', 'DELETE /sessions'])(
  'a stream says which replica serves it, and ends within a second of %s at another replica',
  async (request) => {
    const [one, other] = [await start(), await start()];
    const { cookie } = await logIn(one.url);
    const stream = await open(one.url, cookie);
    expect(stream.response.status).toBe(200);
    expect(Object.fromEntries(stream.response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-served-by': 'test',
    });
    // It is never silent for as long as nginx waits.
    await until(() => stream.text.startsWith(`${served}:\n\n:\n\n`));
    const [method = '', path = ''] = request.split(' ');
    const sent = performance.now();
    expect((await createVisitor(other.url, cookie).send(method, path)).status).toBe(204);
    await until(() => stream.isOver);
    expect(performance.now() - sent).toBeLessThan(1000);
    expect(stream.text.endsWith(end)).toBe(true);
  },
);

test('a user with too many sessions sees that the one unused for longest has ended, and it is logged, without a name', async () => {
  const lines: string[] = [];
  const { url } = await start({ SESSION_MAX_PER_USER: '2' }, lines);
  const { cookie } = await logIn(url, 'Ada Lovelace');
  const stream = await open(url, cookie);
  for (let login = 0; login < 2; login++) await logIn(url, 'Ada Lovelace');
  await until(() => stream.isOver);
  expect(stream.text.endsWith(end)).toBe(true);
  const logged = lines.filter((line) => line.includes('too many sessions'));
  expect(logged).toHaveLength(1);
  expect(logged[0]).not.toMatch(/Ada|lovelace/i);
});

test('without a login there is no stream; nor is there one where the end of a session is not known', async () => {
  const { url } = await start();
  expect((await createVisitor(url).send('GET', '/events')).status).toBe(401);
  expect((await createVisitor(url).send('POST', '/events')).status).toBe(405);
  const memory = await start({ SESSION_STORE: 'memory' });
  const { cookie } = await logIn(memory.url);
  expect((await createVisitor(memory.url, cookie).send('GET', '/events')).status).toBe(404);
});

test('a replica that drains ends its streams without "end", so that they are opened again at another', async () => {
  const { url, drain } = await start();
  const { cookie } = await logIn(url);
  const stream = await open(url, cookie);
  const began = performance.now();
  expect(await drain()).toBe(true);
  expect(performance.now() - began).toBeLessThan(2000);
  await until(() => stream.isOver);
  expect(stream.text).not.toContain('end');
});

test('streams have a limit of their own; they are no requests in progress, and not slow', async () => {
  const lines: string[] = [];
  const { url, adminUrl } = await start({ MAX_REQUESTS_IN_PROGRESS: '2' }, lines);
  const { cookie } = await logIn(url);
  const streams = [await open(url, cookie), await open(url, cookie)];
  const refused = await createVisitor(url, cookie).send('GET', '/events');
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(refused.body.type).toBe('urn:problem-type:unsticky:overloaded');
  expect((await createVisitor(url, cookie).send('GET', '/profile')).status).toBe(200);
  const read = async () => (await fetch(`${adminUrl}/metrics`)).text();
  const metrics = await read();
  expect(metrics).toMatch(/http_requests_total\{method="GET",route="\/events",status="2xx",replica="test"\} 2/);
  expect(metrics).not.toMatch(/duration_seconds\w*\{[^}]*"\/events"/);
  expect(metrics).toMatch(/http_requests_in_flight\{replica="test"\} 0/);
  await until(() => streams[0]?.text.includes(':\n\n'));
  for (const { leave } of streams) leave();
  // Who left has made room, and counts once.
  await until(async () => (await createVisitor(url, cookie).send('HEAD', '/events')).status === 200);
  expect(await read()).toMatch(/route="\/events",status="2xx",replica="test"\} 3/);
  await until(() => lines.join('').match(/"\/events"/g)?.length === 4);
  expect(lines.join('')).not.toContain('not answered');
});
