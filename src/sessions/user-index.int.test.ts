import { createClient } from 'redis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createVisitor, startTestRedis, type TestRedis } from '../../test/replica.ts';
import { startTestApp, type TestApp } from '../../test/sessions-app.ts';
import { handleOf } from './hash.ts';
import { SessionRepository } from './repository.ts';
import { endAll, endExcess, isStillIn, join } from './user-index.ts';

// A node of a Cluster that serves every slot refuses commands and scripts whose keys are not in one slot.

let redis: TestRedis;
let app: TestApp;
beforeAll(async () => {
  redis = await startTestRedis({ cluster: true });
  app = await startTestApp('durable', redis.url);
});
beforeEach(() => redis.command('FLUSHALL'));
afterAll(async () => {
  await app.close();
  await redis.stop();
});

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

test('of too many sessions the first ones end; one that has ended meanwhile ends no other', async () => {
  const client = createClient({ url: redis.url });
  await client.connect();
  const repository = new SessionRepository({ client: client as never, secrets: ['s'.repeat(32)], maxPerUser: 2 });
  const handles = [1, 2, 3].map((number) => handleOf(`1234567${number}.id`));
  for (const [at, handle] of handles.entries()) {
    await join(repository, 'ada', handle, at, 60_000);
    await redis.command('SET', repository.keyOfHandle(handle), '{}');
  }
  const alive = async () => (await keys()).filter((key) => !key.includes(':user:')).length;
  await endExcess(repository, 'ada', handleOf('12345670.id'));
  expect(await alive()).toBe(3);
  await endExcess(repository, 'ada', handles[2] as string);
  expect(await redis.command('EXISTS', repository.keyOfHandle(handles[0] as string))).toBe(0);
  expect(await alive()).toBe(2);
  client.destroy();
});

describe('between the entry in the list and the write of its session', () => {
  test('a login that is ended there does not survive', async () => {
    const client = createClient({ url: redis.url });
    await client.connect();
    const repository = new SessionRepository({ client: client as never, secrets: ['s'.repeat(32)] });
    const handle = handleOf('12345678.id');
    expect(await join(repository, 'ada', handle, 1, 60_000)).toBe(1);
    expect(await isStillIn(repository, 'ada', handle)).toBe(true);
    expect(await endAll(repository, 'ada', [handle])).toBe(0);
    expect(await isStillIn(repository, 'ada', handle)).toBe(false);
    client.destroy();
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
