import { createClient } from 'redis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createVisitor, sessionIdOf, startTestRedis, type TestRedis } from '../../test/replica.ts';
import { startTestApp, type TestApp } from '../../test/sessions-app.ts';
import { handleOf } from './hash.ts';
import { SessionRepository } from './repository.ts';
import { confirm, endAll, endExcess, isStillIn, join, requireErased } from './user-index.ts';

// A node of a Cluster that serves every slot refuses commands and scripts whose keys are not in one slot.

let redis: TestRedis;
let app: TestApp;
let client: ReturnType<typeof createClient>;
let repository: SessionRepository;
beforeAll(async () => {
  redis = await startTestRedis({ cluster: true });
  app = await startTestApp('durable', redis.url);
  client = createClient({ url: redis.url });
  await client.connect();
  repository = new SessionRepository({ client: client as never, secrets: ['s'.repeat(32)], maxPerUser: 2 });
});
beforeEach(() => redis.command('FLUSHALL'));
afterAll(async () => {
  await app.close();
  client.destroy();
  await redis.stop();
});

/** As the layer makes them. */
const idOf = (number: number) => `home000${number}-${'r'.repeat(32)}`;
const visit = (cookie = '') => createVisitor(app.url, cookie);
const keyed = (key: string) => ({ 'idempotency-key': key });
const keys = async () => ((await redis.command('KEYS', '*')) as string[]).toSorted();

test('the node refuses keys of two slots', async () => {
  await expect(redis.command('MGET', 'a', 'b')).rejects.toThrow('CROSSSLOT');
});

test('all keys of a session are in one slot, at each id that it has had', async () => {
  const visitor = visit();
  await visitor.send('POST', '/push', { item: 1 }, keyed('first'));
  const home = /\{(.{8})\}/.exec((await keys())[0] ?? '')?.[1];
  const login = await visitor.send('POST', '/login', { name: 'ada' }, keyed('login'));
  expect(login.status).toBe(200);
  expect((await visitor.send('POST', '/push', { item: 1 }, keyed('first'))).body).toEqual({ list: [1] });
  expect((await visitor.send('GET', '/')).body).toEqual({ list: [1], user: { id: 'ada' } });
  const found = await keys();
  expect(found.filter((key) => key.includes(`{${home}}`))).toHaveLength(3); // the session, its answers, the mark of its old id
  expect(found.filter((key) => !key.includes(`{${home}}`))).toEqual([expect.stringMatching(/^session:user:/)]);
  expect((await visitor.send('GET', '/sessions?user=ada')).body).toHaveLength(1);
  expect((await visitor.send('POST', '/logout')).status).toBe(204);
  expect((await visitor.send('GET', '/sessions?user=ada')).body).toEqual([]);
});

test('a log-out everywhere whose repeat was faster does not end the sessions of later logins', async () => {
  const other = await startTestApp('durable', redis.url);
  onTestFinished(() => other.close());
  const visitor = visit();
  await visitor.send('POST', '/login', { name: 'ada' });
  const everywhere = '/sessions?user=ada';
  const repeat = createVisitor(other.url, visitor.cookie);
  // As a replica that is paused once it has read the session.
  const late = visitor.send('DELETE', `${everywhere}&gate=late`, undefined, keyed('everywhere'));
  await app.arrived('late');
  expect((await repeat.send('DELETE', everywhere, undefined, keyed('everywhere'))).body).toEqual({ ended: 1 });
  const fresh = createVisitor(other.url);
  await fresh.send('POST', '/login', { name: 'ada' });
  app.open('late');
  expect(await late).toMatchObject({ status: 401, body: { code: 'session-ended' } });
  expect((await fresh.send('GET', '/me')).body).toEqual({ user: { id: 'ada' } });
});

test('a log-out everywhere that has ended all but its own session does not say that nothing was changed', async () => {
  const rights = (...keys: string[]) =>
    redis.command('ACL', 'SETUSER', 'app', 'on', '>pass', '+@all', '&*', 'resetkeys', ...keys);
  await rights('~*');
  const limited = await startTestApp('durable', redis.url.replace('//', '//app:pass@'));
  onTestFinished(() => limited.close());
  const [own, other] = [createVisitor(limited.url), createVisitor(limited.url)];
  for (const visitor of [own, other]) expect((await visitor.send('POST', '/login', { name: 'ada' })).status).toBe(200);
  const homeOf = ({ cookie }: { cookie: string }) => sessionIdOf(cookie).slice(0, 8);
  await rights('~session:user:*', `~session:{${homeOf(other)}}*`, `%R~session:{${homeOf(own)}}*`);
  expect(await own.send('DELETE', '/sessions?user=ada')).toMatchObject({
    status: 503,
    body: { code: 'outcome-unknown' },
  });
  await rights('~*');
  expect((await other.send('GET', '/')).body.user).toBeUndefined();
  expect((await own.send('GET', '/')).body.user).toEqual({ id: 'ada' });
  expect((await own.send('DELETE', '/sessions?user=ada')).status).toBe(200);
});

test('a repeated login whose session "log out everywhere" has met gets 401, not a session that is in no list', async () => {
  const visitor = visit();
  await visitor.send('POST', '/push', { item: 1 });
  const repeat = visit(visitor.cookie);
  expect((await visitor.send('POST', '/login', { name: 'ada' }, keyed('login'))).status).toBe(200);
  // As it is between the mark and the end, or if the session was written after that: the first request could not look.
  const [index = ''] = (await keys()).filter((key) => key.startsWith('session:user:'));
  const [handle = ''] = (await redis.command('ZRANGE', index, '0', '-1')) as string[];
  await redis.command('ZADD', index, '-1', handle);
  expect((await repeat.send('POST', '/login', { name: 'ada' }, keyed('login'))).status).toBe(401);
  expect(await redis.command('EXISTS', repository.keyOfHandle(handle))).toBe(0);
});

test('what is erased of a user is gone, and the receipt says what it was; others keep theirs', async () => {
  const logIn = async (name: string) => {
    const visitor = visit();
    await visitor.send('POST', '/login', { name });
    await visitor.send('POST', '/push', { item: 1 }, keyed('kept'));
    return visitor;
  };
  const [own] = [await logIn('ada'), await logIn('ada'), await logIn('grace')];
  const listed = (await own.send('GET', '/sessions?user=ada')).body as { handle: string }[];
  // One that has ended by itself is still in the list.
  const over = handleOf(idOf(1));
  const handles = [...listed.map(({ handle }) => handle), over];
  await join(repository, { handle: over, oldHandle: over, now: 1, joins: 'ada' }, 60_000);
  const started = Date.now();
  const { body: receipt } = await visit().send('DELETE', '/user?user=ada');
  expect({ ...receipt, handles: receipt.handles.toSorted() }).toEqual({
    handles: handles.toSorted(),
    ended: 2,
    at: expect.any(String),
  });
  expect(Math.abs(Date.parse(receipt.at) - started)).toBeLessThan(2000);
  const left = (await keys()).filter((key) => !key.endsWith(':moved')); // for a minute
  expect(left).toHaveLength(3);
  expect(left.filter((key) => key.startsWith('session:user:'))).toHaveLength(1);
  expect((await own.send('GET', '/me')).status).toBe(401);
  expect((await visit().send('DELETE', '/user?user=ada')).body).toMatchObject({ handles: [], ended: 0 });
});

test('there is no receipt while something is left', async () => {
  await visit().send('POST', '/login', { name: 'ada' });
  const [index = ''] = (await keys()).filter((key) => key.startsWith('session:user:'));
  const [handle = ''] = (await redis.command('ZRANGE', index, '0', '-1')) as string[];
  // It has come back: something else wrote it.
  const answers = `${repository.keyOfHandle(handle)}:answers`;
  await redis.command('SET', answers, '');
  await expect(requireErased(repository, 'ada', [handle])).rejects.toMatchObject({ code: 'outcome-unknown' });
  await redis.command('DEL', answers, repository.keyOfHandle(handle));
  await requireErased(repository, 'ada', [handle]);
  expect((await keys()).filter((key) => key.startsWith('session:user:'))).toEqual([]);
});

test('log out everywhere ends the sessions of every slot', async () => {
  const visitors = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const visitor = visit();
      await visitor.send('POST', '/login', { name: 'ada' });
      return visitor;
    }),
  );
  expect((await visitors[0]?.send('DELETE', '/sessions?user=ada'))?.body).toEqual({ ended: 8 });
  for (const visitor of visitors) expect((await visitor.send('GET', '/me')).status).toBe(401);
});

describe('to end all sessions of a user, where Redis refuses a part of it', () => {
  const handles = [1, 2].map((number) => handleOf(idOf(number)));
  /** A repository whose user of Redis may do only this. */
  async function limited(rules: string[]) {
    await redis.command('ACL', 'SETUSER', 'limited', 'reset', 'on', 'nopass', '+@all', ...rules);
    const theirs = createClient({ url: redis.url, username: 'limited', password: '-' });
    await theirs.connect();
    onTestFinished(() => theirs.destroy());
    return new SessionRepository({ client: theirs as never, secrets: ['s'.repeat(32)] });
  }
  beforeEach(async () => {
    for (const handle of handles) {
      await join(repository, { joins: 'ada', handle, oldHandle: handle, now: 1 }, 60_000);
      await redis.command('SET', repository.keyOfHandle(handle), '{}');
    }
  });

  test('one of two cannot be ended: the error does not say that nothing was changed', async () => {
    const theirs = await limited(['~session:user:*', '~session:{home0001}:*']);
    await expect(endAll(theirs, 'ada', handles)).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(await redis.command('EXISTS', repository.keyOfHandle(handles[0] as string))).toBe(0);
    expect(await endAll(repository, 'ada', handles)).toBe(1); // the other one is still in the list
  });

  test('none can be ended: nothing was changed', async () => {
    const theirs = await limited(['~session:user:*']);
    await expect(endAll(theirs, 'ada', handles)).rejects.toMatchObject({ code: 'store-unavailable' });
    expect(await endAll(repository, 'ada', handles)).toBe(2);
  });

  test('all have ended, and the list cannot be cleaned: that is no error', async () => {
    const theirs = await limited(['~*', '-zrem']);
    expect(await endAll(theirs, 'ada', handles)).toBe(2);
    expect((await keys()).filter((key) => !key.includes(':user:'))).toEqual([]);
  });
});

describe('if there are too many sessions of a user', () => {
  const start = async (number: number, now: number, { isWritten = true } = {}) => {
    const handle = handleOf(idOf(number));
    await join(repository, { joins: 'ada', handle, oldHandle: handle, now }, 60_000);
    if (isWritten) await redis.command('SET', repository.keyOfHandle(handle), '{}');
    return handle;
  };
  const alive = async () => (await keys()).filter((key) => !key.includes(':user:')).length;

  test('the first ones end; one that has ended meanwhile ends no other', async () => {
    const [first, , third] = [await start(1, 1), await start(2, 2), await start(3, 3)];
    await endExcess(repository, 'ada', handleOf(idOf(0)), 4);
    expect(await alive()).toBe(3);
    await endExcess(repository, 'ada', third, 4);
    expect(await redis.command('EXISTS', repository.keyOfHandle(first))).toBe(0);
    expect(await alive()).toBe(2);
  });

  test('the one that is unused for longest ends, be it not the first one', async () => {
    const [first, second, third] = [await start(1, 1), await start(2, 2), await start(3, 3)];
    const use = (handle: string, agoMs: number) =>
      redis.command('PEXPIRE', repository.keyOfHandle(handle), String(repository.idleMs - agoMs));
    await use(first, 1000);
    await use(second, 60_000);
    await endExcess(repository, 'ada', third, 4);
    expect(await redis.command('EXISTS', repository.keyOfHandle(first))).toBe(1);
    expect(await redis.command('EXISTS', repository.keyOfHandle(second))).toBe(0);
  });

  test('those that have ended long ago are taken from the list, and a login that is under way is not', async () => {
    const [gone, underWay, own] = [
      await start(1, 0, { isWritten: false }),
      await start(2, 19_000, { isWritten: false }),
      await start(3, 20_000),
    ];
    await endExcess(repository, 'ada', own, 20_000);
    expect(await isStillIn(repository, 'ada', gone)).toBe(false);
    expect(await isStillIn(repository, 'ada', underWay)).toBe(true);
  });
});

describe('between the entry in the list and the write of its session', () => {
  test('a login that is ended there does not survive', async () => {
    const handle = handleOf(idOf(8));
    const membership = { joins: 'ada', handle, oldHandle: handle, now: 1 };
    expect(await join(repository, membership, 60_000)).toBe(1);
    expect(await isStillIn(repository, 'ada', handle)).toBe(true);
    expect(await endAll(repository, 'ada', [handle])).toBe(0);
    await redis.command('SET', repository.keyOfHandle(handle), '{}');
    expect(await confirm(repository, membership, 1)).toBe(false);
    expect(await redis.command('EXISTS', repository.keyOfHandle(handle))).toBe(0);
  });

  test('20 logins and a log-out everywhere at once: each login is refused, ended, or still in the list', async () => {
    for (let round = 0; round < 20; round++) {
      const visitors = Array.from({ length: 20 }, () => visit());
      const logins = visitors.map((visitor) => visitor.send('POST', '/login', { name: 'ada' }));
      const ending = visit().send('DELETE', '/sessions?user=ada');
      const statuses = (await Promise.all(logins)).map(({ status }) => status);
      expect((await ending).status).toBe(200);
      expect(statuses.every((status) => status === 200 || status === 401)).toBe(true);
      const alive = await Promise.all(
        visitors.map(async (visitor) => (await visitor.send('GET', '/me')).status === 200),
      );
      const { body } = await visit().send('GET', '/sessions?user=ada');
      expect(body).toHaveLength(alive.filter(Boolean).length);
      expect(await visit().send('DELETE', '/sessions?user=ada')).toMatchObject({ body: { ended: body.length } });
    }
  });
});
