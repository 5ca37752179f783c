import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { block } from '../../test/block.ts';
import { createVisitor, startTestRedis, type TestRedis, until } from '../../test/replica.ts';
import { startTestApp, type TestApp } from '../../test/sessions-app.ts';

// Where the guarantees are easily lost: code of several kinds in one request, repeats that meet another state, errors.

let redis: TestRedis;
let app: TestApp;
const others: TestApp[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
  app = await startTestApp('durable', redis.url);
});
afterEach(async () => {
  for (const other of others.splice(0)) await other.close();
  await redis.command('FLUSHALL');
});
afterAll(async () => {
  await app.close();
  await redis.stop();
});

const keyed = (key: string) => ({ 'idempotency-key': key });
const at = (cookie = '', url = app.url) => createVisitor(url, cookie);
const session = async (cookie: string) => (await at(cookie).send('GET', '/')).body;

async function begin(attributes: object = { a: 1 }, url = app.url): Promise<string> {
  const visitor = at('', url);
  await visitor.send('POST', '/set', attributes);
  return visitor.cookie;
}

async function startOther(options: Parameters<typeof startTestApp>[2]): Promise<TestApp> {
  const other = await startTestApp('durable', redis.url, options);
  others.push(other);
  return other;
}

describe('a repeat with the same key', () => {
  test('of a change that cannot be made a second time gets the first answer', async () => {
    const cookie = await begin();
    for (let time = 0; time < 3; time++) {
      expect(await at(cookie).send('POST', '/once', {}, keyed('k'))).toMatchObject({
        status: 201,
        body: { items: ['done'] },
      });
    }
    expect(await at(cookie).send('POST', '/once', {}, keyed('another'))).toMatchObject({ status: 422 });
  });

  test('of a change for which there is no more room gets the first answer', async () => {
    const { url } = await startOther({ maxBytes: 400 });
    const cookie = await begin({}, url);
    const push = () => at(cookie, url).send('POST', '/push', { item: 'x'.repeat(120) }, keyed('k'));
    const first = await push();
    await at(cookie, url).send('POST', '/push', { item: 'y'.repeat(120) });
    expect(await push()).toMatchObject({ status: 201, body: first.body });
  });

  test('after a login gets the first answer too', async () => {
    const visitor = at(await begin());
    const push = () => visitor.send('POST', '/push', { item: 'x' }, keyed('k'));
    const first = await push();
    await visitor.send('POST', '/login', { name: 'ada' });
    expect((await push()).body).toEqual(first.body);
    expect(await session(visitor.cookie)).toMatchObject({ list: ['x'], user: { id: 'ada' } });
  });

  test.each(['/saved', '/stream'])(
    'of code that saves by itself, or streams its answer, has one effect (%s)',
    async (path) => {
      const cookie = await begin();
      const send = () => at(cookie).send('POST', path, { streamed: Math.random() }, keyed('k'));
      const first = await send();
      const { streamed, count } = await session(cookie);
      if (path === '/saved') expect(count).toBe(1);
      for (let time = 0; time < 2; time++) await send();
      expect(first.status).toBe(200);
      expect(await session(cookie)).toMatchObject(path === '/saved' ? { count: 1 } : { streamed });
    },
  );

  test('of a login that has ended since is told so: nothing brings that session back', async () => {
    const cookie = await begin();
    const visitor = at(cookie);
    await visitor.send('POST', '/login', { name: 'ada' }, keyed('k'));
    await visitor.send('POST', '/logout');
    expect(await at(cookie).send('POST', '/login', { name: 'ada' }, keyed('k'))).toMatchObject({ status: 401 });
  });

  test('with another query is another request', async () => {
    const cookie = await begin();
    await at(cookie).send('POST', '/push?a=1', { item: 1 }, keyed('k'));
    expect((await at(cookie).send('POST', '/push?a=2', { item: 1 }, keyed('k'))).status).toBe(422);
  });
});

describe('a session that moved to a new id under a request', () => {
  test('a save by hand is refused: no success without the change', async () => {
    const cookie = await begin();
    const slow = at(cookie).send('POST', '/saved?gate=moved');
    await app.arrived('moved');
    const visitor = at(cookie);
    await visitor.send('POST', '/login', { name: 'ada' });
    app.open('moved');
    expect(await slow).toMatchObject({ status: 401, body: { code: 'session-ended' } });
    expect(await session(visitor.cookie)).toEqual({ a: 1, user: { id: 'ada' } });
  });

  test('a read at which the cookie would be given out again is answered, without a cookie', async () => {
    const { url, arrived, open } = await startOther({ idleSeconds: 4 });
    const cookie = await begin({ a: 1 }, url);
    const slow = at(cookie, url).send('GET', '/?gate=half');
    await arrived('half');
    const younger = await begin({ b: 1 }, url);
    await until(async () => (await at(younger, url).send('GET', '/')).headers.get('set-cookie'));
    await at(cookie, url).send('POST', '/login', { name: 'ada' });
    open('half');
    const read = await slow;
    expect(read).toMatchObject({ status: 200, body: { a: 1 } });
    expect(read.headers.get('set-cookie')).toBeNull();
  });
});

test('a replica that stood still has changes made anew, in spite of the time: nobody is told 409', async () => {
  const cookie = await begin();
  const add = (item: string) => at(cookie).send('POST', '/stand-still?gate=both', { item });
  const both = [add('one'), add('two')];
  await app.arrived('both');
  await at(cookie).send('GET', '/'); // the other has come, too
  app.open('both');
  expect((await Promise.all(both)).map(({ status }) => status)).toEqual([201, 201]);
  expect((await session(cookie)).list.toSorted()).toEqual(['one', 'two']);
});

test('a revocation has time for its calls, however long this process was blocked', async () => {
  const { url, arrived, open } = await startOther({ deadlineMs: 100 });
  const ada = at('', url);
  await ada.send('POST', '/login', { name: 'ada' });
  const ending = ada.send('DELETE', '/sessions?user=ada&gate=blocked');
  await arrived('blocked');
  open('blocked');
  await new Promise(setImmediate); // its first call is sent
  block(300);
  expect((await ending).body).toEqual({ ended: 1 });
});

describe('an answer that is an error', () => {
  test('says that nothing was changed, and nothing was: what was done before the failed change neither', async () => {
    const cookie = await begin();
    const answer = await at(cookie).send('POST', '/before', { big: 'x'.repeat(20_000) });
    expect(answer).toMatchObject({ status: 413, body: { code: 'session-too-large' } });
    expect(await session(cookie)).toEqual({ a: 1 });
  });

  test('leaves the visitor logged in where the login was saved, and what came after it was not', async () => {
    const visitor = at(await begin());
    const answer = await visitor.send('POST', '/login-and-more', { name: 'ada', more: { big: 'x'.repeat(20_000) } });
    expect(answer.status).toBe(413);
    expect(await session(visitor.cookie)).toEqual({ a: 1, user: { id: 'ada' } });
  });

  test('leaves as it is where the session cannot be saved either', async () => {
    const cookie = await begin();
    const answer = await at(cookie).send('POST', '/bad', { big: 'x'.repeat(20_000) });
    expect(answer).toMatchObject({ status: 400, body: { code: 'bad' } });
    await at(cookie).send('POST', '/set', { b: 1 }, keyed('k'));
    expect(await at(cookie).send('POST', '/bad', {}, keyed('k'))).toMatchObject({ status: 400, body: { code: 'bad' } });
    expect(await session(cookie)).toEqual({ a: 1, b: 1 });
  });
});

test('a mistake of the application is a 500, and the process lives', async () => {
  const statusOf = async (how: string) => {
    const cookie = await begin();
    const answer = await at(cookie)
      .send('POST', '/wrong', { how })
      .catch(() => ({ status: 500 }));
    expect((await at(cookie).send('GET', '/')).status, how).toBe(200);
    return answer.status;
  };
  // At once: some of them are a wait of seconds.
  expect(await Promise.all(['end', 'write', 'status', 'later'].map(statusOf))).toEqual([500, 500, 500, 500]);
});

test('an answer that is ended twice is the first one', async () => {
  const cookie = await begin();
  expect(await at(cookie).send('POST', '/wrong', { how: 'twice' })).toMatchObject({ status: 200, body: 'one' });
});

test.each(['id', 'req', 'touch', 'save', 'destroy'])(
  'an attribute named %s is refused: it would hide a part of the session object',
  async (name) => {
    const cookie = await begin();
    const answer = await at(cookie).send('POST', '/before', { [name]: 7 });
    expect(answer).toMatchObject({ status: 422, body: { code: 'not-storable' } });
    expect(await session(cookie)).toEqual({ a: 1 });
  },
);

test('a session that reaches its absolute end under a request is not written: 401', async () => {
  const other = await startOther({ absoluteSeconds: 1 });
  for (const path of ['/set', '/push', '/login']) {
    const cookie = await begin({ a: 1 }, other.url);
    const began = performance.now();
    const slow = at(cookie, other.url).send('POST', `${path}?gate=absolute${path}`, { item: 1, name: 'ada' });
    await other.arrived(`absolute${path}`);
    await until(() => performance.now() - began > 1050);
    other.open(`absolute${path}`);
    expect(await slow).toMatchObject({ status: 401, body: { code: 'session-ended' } });
  }
});

test('a login never ends its own session, be it the oldest', async () => {
  const { url } = await startOther({ maxPerUser: 2 });
  const first = at('', url);
  await first.send('POST', '/set', { early: true });
  const later = [at('', url), at('', url)];
  for (const visitor of later) await visitor.send('POST', '/login', { name: 'ada' });
  await first.send('POST', '/set', { user: { id: 'ada' } }); // plain code: the session keeps its id, and when it began
  expect((await first.send('GET', '/me')).status).toBe(200);
  const statuses = await Promise.all(later.map((visitor) => visitor.send('GET', '/me').then(({ status }) => status)));
  expect(statuses.sort()).toEqual([200, 401]);
});

test('sessions that have ended by themselves make room', async () => {
  const { url } = await startOther({ maxPerUser: 2 });
  const [first, second, third] = [at('', url), at('', url), at('', url)];
  await first.send('POST', '/login', { name: 'ada' });
  await second.send('POST', '/login', { name: 'ada' });
  const [{ handle }] = (await second.send('GET', '/sessions?user=ada')).body;
  const [key] = [`session:${handle}`];
  await redis.command('DEL', key); // as when its time is over
  await third.send('POST', '/login', { name: 'ada' });
  const statuses = await Promise.all(
    [first, second, third].map((one) => one.send('GET', '/me').then(({ status }) => status)),
  );
  expect(statuses.filter((status) => status === 200)).toHaveLength(2);
});

test('a session that goes to another user is not ended with those of the first', async () => {
  const visitor = at();
  await visitor.send('POST', '/login', { name: 'ada' });
  await visitor.send('POST', '/set', { user: { id: 'bob' } });
  expect((await at().send('DELETE', '/sessions?user=ada')).body.ended).toBe(0);
  expect((await visitor.send('GET', '/me')).body.user).toEqual({ id: 'bob' });
});

test('an old request that is answered after a login does not take the new cookie away', async () => {
  const cookie = await begin();
  for (const path of ['/set', '/push']) {
    const visitor = at(await begin());
    const slow = at(visitor.cookie).send('POST', `${path}?gate=old${path}`, { item: 1 });
    await app.arrived(`old${path}`);
    await visitor.send('POST', '/login', { name: 'ada' });
    app.open(`old${path}`);
    const answer = await slow;
    expect(answer).toMatchObject({ status: 401, body: { code: 'session-ended' } });
    expect(answer.headers.get('set-cookie')).toBeNull();
  }
  expect(await session(cookie)).toEqual({ a: 1 });
});

test('an active visitor whose writes change nothing keeps the cookie', async () => {
  const { url } = await startOther({ idleSeconds: 2 });
  const cookie = await begin({ a: 1 }, url);
  const renewed = await until(async () =>
    (await at(cookie, url).send('POST', '/set', { a: 1 })).headers.get('set-cookie'),
  );
  expect(renewed).toContain('Max-Age=2');
});

test('with Redis hung, a request that changes its session in several ways is answered within a second', async () => {
  const cookie = await begin();
  const slow = at(cookie).send('POST', '/mixed?gate=hung', {});
  await app.arrived('hung');
  redis.process().kill('SIGSTOP');
  const since = performance.now();
  app.open('hung');
  const answer = await slow;
  const ms = performance.now() - since;
  redis.process().kill('SIGCONT');
  expect(answer).toMatchObject({ status: 503, body: { code: 'outcome-unknown' } });
  expect(ms).toBeLessThan(1000);
});
