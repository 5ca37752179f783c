import { afterAll, beforeAll, beforeEach, describe, expect, test as vitestTest } from 'vitest';
import { createVisitor, secretOf, sessionIdOf, startTestRedis, type TestRedis } from '../../test/replica.ts';
import { startTestApp, type TestApp } from '../../test/sessions-app.ts';

// The guarantees of DESIGN §1, on three replicas and one Redis. `plain` is express-session with connect-redis as its
// README shows it: the same tests must fail there (test.fails), or they would prove nothing.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

const keyed = (key: string) => ({ 'idempotency-key': key });

describe.each(['durable', 'plain'] as const)('%s', (kind) => {
  const test = kind === 'durable' ? vitestTest : vitestTest.fails;
  let replicas: TestApp[];
  beforeAll(async () => {
    replicas = await Promise.all([1, 2, 3].map(() => startTestApp(kind, redis.url)));
  });
  afterAll(() => Promise.all(replicas.map((replica) => replica.close())).then(() => {}));
  beforeEach(() => redis.command('FLUSHALL'));

  const at = (index: number) => replicas[index % replicas.length] as TestApp;
  const visit = (index: number, cookie = '') => createVisitor(at(index).url, cookie);
  /** A visitor with a session, and its cookie. */
  async function start(attributes: object = { began: true }): Promise<string> {
    const visitor = visit(0);
    await visitor.send('POST', '/set', attributes);
    return visitor.cookie;
  }
  const sessionOf = async (cookie: string) => (await visit(1, cookie).send('GET', '/')).body;

  test('G2: 40 concurrent adds to one cart, 50 rounds: every acknowledged one is there, none twice, at most 5 % are 409', async () => {
    let conflicts = 0;
    for (let round = 0; round < 50; round++) {
      const cookie = await start();
      const adds = Array.from({ length: 40 }, (_, item) => visit(item, cookie).send('POST', '/push', { item }));
      const statuses = (await Promise.all(adds)).map(({ status }) => status);
      const { list } = await sessionOf(cookie);
      const acknowledged = statuses.flatMap((status, item) => (status === 201 ? [item] : []));
      expect([...list].sort((a, b) => a - b)).toEqual(acknowledged);
      conflicts += statuses.filter((status) => status === 409).length;
      expect(statuses.every((status) => status === 201 || status === 409)).toBe(true);
    }
    expect(conflicts).toBeLessThanOrEqual(0.05 * 50 * 40);
  });

  test('G2: concurrent changes to different attributes by plain code both survive', async () => {
    for (let round = 0; round < 20; round++) {
      const cookie = await start({ shared: [], gone: 1 });
      const slow = visit(0, cookie).send('POST', `/set?gate=different${kind}${round}`, { slow: round });
      await at(0).arrived(`different${kind}${round}`);
      expect((await visit(1, cookie).send('POST', '/set', { quick: round })).status).toBe(201);
      expect((await visit(2, cookie).send('POST', '/remove', { name: 'gone' })).status).toBe(200);
      at(0).open(`different${kind}${round}`);
      expect((await slow).status).toBe(201);
      expect(await sessionOf(cookie)).toEqual({ shared: [], slow: round, quick: round });
    }
  });

  test('G2: of concurrent changes to the same attribute one wins, and the other is told 409', async () => {
    const cookie = await start({ color: 'red' });
    const slow = visit(0, cookie).send('POST', `/set?gate=same${kind}`, { color: 'blue', other: 1 });
    await at(0).arrived(`same${kind}`);
    expect((await visit(1, cookie).send('POST', '/set', { color: 'green' })).status).toBe(201);
    at(0).open(`same${kind}`);
    expect(await slow).toMatchObject({ status: 409, body: { code: 'session-conflict' } });
    expect(await sessionOf(cookie)).toEqual({ color: 'green' });
  });

  test('G3: a logout that races 12 slow writers is final, 200 rounds, and leaves no key of the session', async () => {
    for (let round = 0; round < 200; round++) {
      const visitor = visit(round);
      await visitor.send('POST', '/login', { name: 'ada' });
      const { cookie } = visitor;
      const gate = (writer: number) => `logout${kind}${round}.${writer}`;
      const writers = Array.from({ length: 12 }, (_, writer) => {
        const [path, body] = writer % 2 === 0 ? ['/set', { [`by${writer}`]: writer }] : ['/push', { item: writer }];
        return visit(writer, cookie).send('POST', `${path}?gate=${gate(writer)}`, body);
      });
      await Promise.all(writers.map((_, writer) => at(writer).arrived(gate(writer))));
      // Half of them race the logout, the others come after it.
      for (let writer = 0; writer < 6; writer++) at(writer).open(gate(writer));
      expect((await visit(round + 1, cookie).send('POST', '/logout')).status).toBe(204);
      for (let writer = 6; writer < 12; writer++) at(writer).open(gate(writer));
      const statuses = (await Promise.all(writers)).map(({ status }) => status);
      for (const status of statuses.slice(0, 6)) expect([201, 401]).toContain(status);
      expect(statuses.slice(6)).toEqual(Array(6).fill(401));
      for (const index of [0, 1, 2]) expect((await visit(index, cookie).send('GET', '/me')).status).toBe(401);
      expect(await redis.command('KEYS', '*')).toEqual([]);
    }
  });

  test('G3: a request under way when its session is ended is answered 401, its cookie is cleared, nothing is written', async () => {
    for (const path of ['/set', '/push', '/login']) {
      const visitor = visit(0);
      await visitor.send('POST', '/login', { name: 'eve' });
      const slow = visit(0, visitor.cookie).send('POST', `${path}?gate=ended${kind}${path}`, { name: 'eve', item: 1 });
      await at(0).arrived(`ended${kind}${path}`);
      await visit(1, visitor.cookie).send('POST', '/logout');
      at(0).open(`ended${kind}${path}`);
      const answer = await slow;
      expect(answer).toMatchObject({ status: 401, body: { code: 'session-ended' } });
      expect(answer.headers.get('set-cookie')).toMatch(/^sid=; .*Expires=Thu, 01 Jan 1970/);
      expect(await redis.command('KEYS', '*')).toEqual([]);
    }
  });

  test('G5: the id changes at login; the old one opens nothing; a fixed id does not become the visitor’s', async () => {
    const cookie = await start({ cart: ['a'] });
    const victim = visit(0, cookie);
    // A request that began before the login, with the id that an attacker may know, must not get into the new session.
    const slow = visit(1, cookie).send('POST', `/set?gate=fixed${kind}`, { evil: true });
    await at(1).arrived(`fixed${kind}`);
    await victim.send('POST', '/login', { name: 'ada' });
    at(1).open(`fixed${kind}`);
    await slow;
    expect(victim.cookie).not.toBe(cookie);
    expect(await sessionOf(victim.cookie)).toMatchObject({ cart: ['a'], user: { id: 'ada' } });
    for (const index of [0, 1, 2]) expect((await visit(index, cookie).send('GET', '/')).body).toEqual({});
  });

  test.each(['/push', '/count'])(
    'G6: ten parallel repeats of one Idempotency-Key over all replicas: one effect, one answer (%s)',
    async (path) => {
      for (let round = 0; round < 20; round++) {
        const cookie = await start();
        await visit(0, cookie).send('POST', path, { item: 'before' });
        const repeat = (index: number) =>
          visit(index, cookie).send('POST', path, { item: 'once' }, keyed(`key-${round}`));
        const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => repeat(index)));
        await visit(1, cookie).send('POST', path, { item: 'after' });
        answers.push(await repeat(2));
        for (const { status, body } of answers)
          expect({ status, body }).toEqual({ status: answers[0]?.status, body: answers[0]?.body });
        const { list, count } = await sessionOf(cookie);
        expect(list ?? count).toEqual(path === '/push' ? ['before', 'once', 'after'] : 3);
      }
    },
  );

  test('G6: a request that changes its session in several ways makes each change once', async () => {
    const cookie = await start();
    const repeat = (index: number) => visit(index, cookie).send('POST', '/mixed', {}, keyed('mixed'));
    const answers = [await repeat(0), ...(await Promise.all([repeat(1), repeat(2), repeat(0)]))];
    for (const { status, body } of answers)
      expect({ status, body }).toEqual({ status: 200, body: { results: [1, 1] } });
    expect(await sessionOf(cookie)).toEqual({ began: true, before: 1, one: 1, two: 1, after: 1 });
    await visit(1, cookie).send('POST', '/mixed', {}, keyed('again'));
    expect(await sessionOf(cookie)).toEqual({ began: true, before: 2, one: 2, two: 2, after: 2 });
  });

  test('G6: another request with a used key is 422, and changes nothing', async () => {
    const cookie = await start();
    for (const path of ['/push', '/set']) {
      await visit(0, cookie).send('POST', path, { item: 1 }, keyed(`used${path}`));
      const other = await visit(1, cookie).send('POST', path, { item: 2 }, keyed(`used${path}`));
      expect(other).toMatchObject({ status: 422, body: { code: 'key-reused' } });
    }
    expect(await sessionOf(cookie)).toEqual({ began: true, list: [1], item: 1 });
  });

  test('G6: a login whose answer never arrived gives its repeat the same new session; the old cookie alone opens nothing', async () => {
    const cookie = await start({ cart: ['a', 'b'] });
    const login = (index: number, key = 'login') => {
      const visitor = visit(index, cookie);
      return visitor
        .send('POST', '/login', { name: 'ada' }, keyed(key))
        .then((answer) => ({ ...answer, cookie: visitor.cookie }));
    };
    const answers = [await login(0), ...(await Promise.all([login(1), login(2), login(0)]))];
    const [first] = answers;
    const id = sessionIdOf(first?.cookie ?? ''); // the cookie of a repeat may be a second younger
    for (const { status, body, cookie: got } of answers)
      expect({ status, body, id: sessionIdOf(got) }).toEqual({ status: 200, body: { user: { id: 'ada' } }, id });
    expect(await sessionOf(first?.cookie ?? '')).toEqual({ cart: ['a', 'b'], user: { id: 'ada' } });
    expect((await visit(0, cookie).send('GET', '/me')).status).toBe(401);
    // Another key finds nothing there: it is the login of a new visitor.
    const other = await login(1, 'another');
    expect(other.cookie).not.toBe(first?.cookie);
    expect(await sessionOf(other.cookie)).toEqual({ user: { id: 'ada' } });
  });

  test('G6: parallel repeats of a login, none of which was first: the same new session', async () => {
    for (let round = 0; round < 20; round++) {
      const cookie = await start({ cart: [round] });
      const visitors = Array.from({ length: 10 }, (_, index) => visit(index, cookie));
      const answers = await Promise.all(
        visitors.map((visitor) => visitor.send('POST', '/login', { name: 'ada' }, keyed('login'))),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(visitors.map((visitor) => sessionIdOf(visitor.cookie))).size).toBe(1);
      expect(await sessionOf(visitors[0]?.cookie ?? '')).toEqual({ cart: [round], user: { id: 'ada' } });
    }
  });

  test('a read costs one Redis command, a write two, a login four', async () => {
    const visitor = visit(0);
    await visitor.send('POST', '/set', { a: 1 });
    await visitor.send('GET', '/');
    const count = (method: string, path: string, body?: object) => {
      return redis.countCommands(async () => void (await visitor.send(method, path, body)));
    };
    expect(await count('GET', '/')).toHaveLength(1);
    expect(await count('POST', '/set', { a: 2 })).toHaveLength(2);
    expect(await count('POST', '/push', { item: 1 })).toHaveLength(2);
    expect(await count('POST', '/login', { name: 'ada' })).toHaveLength(4);
    expect(await count('POST', '/set', { a: 2 })).toHaveLength(1); // nothing was changed
  });

  test('keys hold a hash of the session id: a dump of Redis opens no session', async () => {
    const cookie = await start();
    const visitor = visit(0, cookie);
    await visitor.send('POST', '/login', { name: 'ada' }, keyed('login'));
    const ids = [cookie, visitor.cookie].map(sessionIdOf).map(secretOf);
    const keys = (await redis.command('KEYS', '*')) as string[];
    const dump: unknown[] = [];
    for (const key of keys) {
      const type = (await redis.command('TYPE', key)) as string;
      const read = { string: ['GET', key], hash: ['HGETALL', key], zset: ['ZRANGE', key, '0', '-1'] }[type] ?? [];
      dump.push(key, await redis.command(...read));
    }
    for (const id of ids) expect(JSON.stringify(dump)).not.toContain(id);
  });
});
