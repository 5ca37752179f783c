import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createVisitor, startTestRedis, type TestRedis, until } from '../../test/replica.ts';
import { startTestApp, type TestApp } from '../../test/sessions-app.ts';
import type { SessionEvent } from './index.ts';

// Which events an observer gets, on two replicas and one Redis: each once.

let redis: TestRedis;
const apps: TestApp[] = [];
let events: SessionEvent[] = [];
const everything: SessionEvent[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
beforeEach(() => {
  events = [];
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  everything.push(...events);
  await redis.command('FLUSHALL');
});
afterAll(() => redis.stop());

type Options = Parameters<typeof startTestApp>[2];
/** No change gives up for want of time on a busy machine, unless a test wants that. */
async function start(options: Options = {}): Promise<TestApp> {
  const observe = (event: SessionEvent) => void events.push(event);
  const app = await startTestApp('durable', redis.url, { deadlineMs: 10_000, observe, ...options });
  apps.push(app);
  return app;
}

/** How often each event was reported, without operations. */
function reported(): Record<string, number> {
  const names = events.flatMap((event) => {
    if (event.type === 'operation') return [];
    const { type, ...rest } = event;
    return [type, ...Object.values(rest)].join(' ');
  });
  return countBy(names);
}

/** How often each command was sent and how it ended, without those that are sent when it is time for them. */
function operations(): Record<string, number> {
  const sent = events.filter((event) => event.type === 'operation').filter(({ command }) => command !== 'time');
  return countBy(sent.map(({ command, outcome }) => `${command} ${outcome}`));
}

function countBy(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const keyed = (key: string) => ({ 'idempotency-key': key });
const at = (app: TestApp, cookie = '') => createVisitor(app.url, cookie);
async function begin(app: TestApp, attributes: object = { began: true }): Promise<string> {
  const visitor = at(app);
  await visitor.send('POST', '/set', attributes);
  events = [];
  return visitor.cookie;
}

/** Sends requests that all read the session before the first of them writes it. */
async function together(app: TestApp, cookie: string, requests: [path: string, body?: object][]): Promise<number[]> {
  const name = `together${Math.random()}`;
  const answers = requests.map(([path, body], index) =>
    at(app, cookie).send('POST', `${path}?gate=${name}${index}`, body),
  );
  await Promise.all(requests.map((_, index) => app.arrived(`${name}${index}`)));
  for (const index of requests.keys()) app.open(`${name}${index}`);
  return (await Promise.all(answers)).map(({ status }) => status);
}

describe('the life of a session', () => {
  test('is created, renewed and logged out, each once; reads and visitors without one are nothing but operations', async () => {
    const app = await start();
    const visitor = at(app);
    await visitor.send('GET', '/');
    expect(events).toEqual([]);
    await visitor.send('POST', '/set', { a: 1 });
    expect(reported()).toEqual({ created: 1 });
    await visitor.send('GET', '/');
    await visitor.send('POST', '/set', { a: 2 });
    await visitor.send('POST', '/login', { name: 'ada' });
    await visitor.send('POST', '/logout');
    expect(reported()).toEqual({ created: 1, renewed: 1, logged_out: 1 });
    // Of the user's list: it is entered, looked at after the write, and left.
    await until(() => operations()['list ok'] === 3);
    expect(operations()).toEqual({
      'get ok': 4,
      'set ok': 2,
      'renew ok': 1,
      'destroy ok': 1,
      'list ok': 3,
    });
    for (const event of events) if (event.type === 'operation') expect(event.ms).toBeGreaterThan(0);
  });

  test('that begins with a login is created', async () => {
    const app = await start();
    await at(app).send('POST', '/login', { name: 'ada' });
    expect(reported()).toEqual({ created: 1 });
  });

  test('of ten logouts at once one ends it', async () => {
    const app = await start();
    const cookie = await begin(app);
    expect(await together(app, cookie, Array(10).fill(['/logout']))).toEqual(Array(10).fill(204));
    expect(reported()).toEqual({ logged_out: 1 });
    expect(operations()).toEqual({ 'get ok': 10, 'destroy ok': 10 });
  });

  test('ends by revocation, once for each session, and by one session too many', async () => {
    const app = await start({ maxPerUser: 3 });
    for (let login = 0; login < 3; login++) await at(app).send('POST', '/login', { name: 'ada' });
    expect(reported()).toEqual({ created: 3 });
    await at(app).send('POST', '/login', { name: 'ada' });
    expect(reported()).toEqual({ created: 4, evicted: 1 });
    await Promise.all([1, 2].map(() => at(app).send('DELETE', '/sessions?user=ada')));
    expect(reported()).toEqual({ created: 4, evicted: 1, revoked: 3 });
  });

  test('ends at its absolute end, however many reads find that', async () => {
    const app = await start({ absoluteSeconds: 1, idleSeconds: 4 }); // reads extend its life beyond its end
    const cookie = await begin(app);
    await until(async () => {
      await Promise.all([1, 2, 3].map(() => at(app, cookie).send('GET', '/')));
      return reported().expired;
    });
    await at(app, cookie).send('GET', '/');
    expect(reported()).toEqual({ expired: 1 });
  });
});

describe('20 writes at once', () => {
  const writes = 20;
  const numbers = Array.from({ length: writes }, (_, number) => number);

  test('to attributes of their own, by plain code: 19 are merged', async () => {
    const app = await start();
    const cookie = await begin(app);
    const statuses = await together(
      app,
      cookie,
      numbers.map((number) => ['/set', { [`by${number}`]: number }]),
    );
    expect(statuses).toEqual(Array(writes).fill(201));
    expect(reported()).toEqual({ 'conflict merged': 19 });
    expect(operations()['set ok']).toBe(writes); // one after the other, each on what the one before has left
    // What a merge has put in order is not written again when the answer leaves.
    events = [];
    await together(app, cookie, [
      ['/set', { z: 1 }],
      ['/set', { y: 1 }],
    ]);
    expect(operations()).toEqual({ 'get ok': 2, 'set ok': 2 });
  });

  test('by updateSession: 19 are retried', async () => {
    const app = await start();
    const cookie = await begin(app);
    const statuses = await together(
      app,
      cookie,
      numbers.map((item) => ['/push', { item }]),
    );
    expect(statuses).toEqual(Array(writes).fill(201));
    expect(reported()).toEqual({ 'conflict retried': 19 });
  });

  test('to the same attribute, by plain code: 19 are refused, and their requests told so', async () => {
    const app = await start();
    const cookie = await begin(app);
    const statuses = await together(
      app,
      cookie,
      numbers.map((number) => ['/set', { same: number }]),
    );
    expect(statuses.sort()).toEqual([201, ...Array(19).fill(409)]);
    expect(reported()).toEqual({ 'conflict refused': 19, 'commit_failed session-conflict': 19 });
  });
});

describe('a write to a session that has ended', () => {
  test('is a resurrection prevented, of plain code and of updateSession, after a logout and after a login', async () => {
    const app = await start();
    for (const [number, end] of ['/logout', '/login'].entries()) {
      const cookie = await begin(app);
      const paths = ['/set', '/push', '/saved'];
      const slow = paths.map((path) =>
        at(app, cookie).send('POST', `${path}?gate=${number}${path}`, { item: 1, slow: 1 }),
      );
      await Promise.all(paths.map((path) => app.arrived(`${number}${path}`)));
      await at(app, cookie).send('POST', end, { name: 'ada' });
      for (const path of paths) app.open(`${number}${path}`);
      expect((await Promise.all(slow)).map(({ status }) => status)).toEqual([401, 401, 401]);
      // Code that saves by itself has its change saved once more with its answer, which is refused once more.
      expect(reported()).toEqual({
        [end === '/login' ? 'renewed' : 'logged_out']: 1,
        resurrection_prevented: 4,
        'commit_failed session-ended': 3,
      });
    }
  });
});

describe('a repeat', () => {
  test('is told once a request, however many changes it makes', async () => {
    const app = await start();
    const cookie = await begin(app);
    for (const path of ['/push', '/count', '/mixed', '/once', '/saved', '/bad', '/login']) {
      events = [];
      const send = () => at(app, cookie).send('POST', path, { item: 1, name: 'ada' }, keyed(path));
      const first = await send();
      expect(reported().replayed).toBeUndefined();
      const [second, third] = [await send(), await send()];
      for (const { status } of [second, third]) expect(status).toBe(first.status);
      expect(reported().replayed).toBe(path === '/bad' ? undefined : 2); // an error is not kept
      expect(reported().commit_failed).toBeUndefined();
    }
  });

  test('of the key by another request is none, but a change that was refused', async () => {
    const app = await start();
    const cookie = await begin(app);
    for (const path of ['/push', '/set']) {
      await at(app, cookie).send('POST', path, { item: 1 }, keyed(path));
      expect((await at(app, cookie).send('POST', path, { item: 2 }, keyed(path))).status).toBe(422);
    }
    expect(reported()).toEqual({ 'commit_failed key-reused': 2 });
  });
});

describe('a Redis that is', () => {
  afterEach(() => redis.start());

  test('gone: operations are refused, and every change that was under way is a failed commit', async () => {
    const app = await start();
    const cookie = await begin(app);
    await at(app).send('POST', '/set', { a: 1 }); // the clock is known from here on
    events = [];
    const paths = ['/set', '/push', '/saved', '/login', '/logout'];
    const slow = paths.map((path) => at(app, cookie).send('POST', `${path}?gate=gone${path}`, { item: 1, slow: 1 }));
    await Promise.all(paths.map((path) => app.arrived(`gone${path}`)));
    await redis.stop();
    await until(async () => (await at(app, cookie).send('GET', '/')).status === 503);
    events = [];
    for (const path of paths) app.open(`gone${path}`);
    for (const { status } of await Promise.all(slow)) expect(status).toBe(503);
    expect(reported()).toEqual({ 'commit_failed store-unavailable': 5 });
    // Changes that wait for one that Redis has failed are not tried.
    expect(Object.keys(operations()).filter((ended) => !ended.endsWith(' refused'))).toEqual([]);
    expect(operations()).toMatchObject({ 'set refused': expect.any(Number), 'destroy refused': 1 });
    events = [];
    expect((await at(app, cookie).send('GET', '/')).status).toBe(503);
    expect(reported()).toEqual({}); // there was nothing to commit
    expect(operations()).toEqual({ 'get refused': 1 });
  });

  test('hung: operations end by their deadline, and it is not known what became of the change', async () => {
    const app = await start({ deadlineMs: 300 });
    const cookie = await begin(app);
    const slow = at(app, cookie).send('POST', '/push?gate=hung', { item: 1 });
    await app.arrived('hung');
    redis.process().kill('SIGSTOP');
    app.open('hung');
    expect(await slow).toMatchObject({ status: 503, body: { code: 'outcome-unknown' } });
    redis.process().kill('SIGCONT');
    expect(reported()).toEqual({ 'commit_failed outcome-unknown': 1 });
    expect(operations()).toEqual({ 'get ok': 1, 'set timeout': 1 });
    await redis.stop();
  });

  test('full: the write is an error, and nothing was changed', async () => {
    const app = await start();
    const cookie = await begin(app);
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    expect((await at(app, cookie).send('POST', '/push', { item: 1 })).status).toBe(503);
    expect(reported()).toEqual({ 'commit_failed store-unavailable': 1 });
    expect(operations()).toEqual({ 'get ok': 1, 'set error': 1 });
    await redis.stop();
  });
});

test('an error answer that leaves as it is, without its change, is no failed commit', async () => {
  const app = await start();
  const cookie = await begin(app);
  expect((await at(app, cookie).send('POST', '/bad', { big: 'x'.repeat(20_000) })).status).toBe(400);
  expect((await at(app, cookie).send('POST', '/set', { big: 'x'.repeat(20_000) })).status).toBe(413);
  expect(reported()).toEqual({ 'commit_failed session-too-large': 1 });
});

test.each([
  ['throws', () => raise()],
  ['rejects', async () => raise()],
])('an observer that %s breaks no request, and is warned of once', async (_how, observe) => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  try {
    const app = await start({ observe });
    const visitor = at(app);
    expect((await visitor.send('POST', '/push', { item: 1 })).status).toBe(201);
    expect((await visitor.send('POST', '/login', { name: 'ada' })).status).toBe(200);
    expect((await visitor.send('GET', '/')).body).toEqual({ list: [1], user: { id: 'ada' } });
    await until(() => warn.mock.calls.length > 0);
    expect(warn.mock.calls).toEqual([[expect.stringContaining('broken')]]);
  } finally {
    warn.mockRestore();
  }
});

function raise(): never {
  throw new Error('broken');
}

test('all that was told is of a bounded set, and names nobody', () => {
  expect(everything.length).toBeGreaterThan(200);
  for (const { ...event } of everything) {
    if (event.type === 'operation') event.ms = 0;
    expect(JSON.stringify(event)).toMatch(/^\{"type":"[a-z_]+"(,"(command|outcome|code)":"[a-z-]+")*(,"ms":0)?\}$/);
  }
  const kinds = new Set(
    everything.map(({ ...event }) => JSON.stringify(event.type === 'operation' ? { ...event, ms: 0 } : event)),
  );
  expect(kinds.size).toBeLessThan(60);
});
