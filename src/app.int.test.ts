import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSecret } from '../deploy/fleet/secrets.ts';
import { createVisitor, startTestRedis, startTestReplica, statusUnder, type TestRedis } from '../test/replica.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

describe.each(['durable', 'plain', 'memory'])('a visit with the store %s', (store) => {
  let replica: Awaited<ReturnType<typeof startTestReplica>>;
  beforeAll(async () => {
    await redis.command('FLUSHALL');
    replica = await startTestReplica({ SESSION_STORE: store, REDIS_URL: redis.url });
  });
  afterAll(() => replica.drain());

  test('stores nothing and sets no cookie until the first write', async () => {
    const visitor = createVisitor(replica.url);
    for (const path of ['/', '/cart', '/whoami', '/preferences', '/profile']) {
      expect((await visitor.send('GET', path)).headers.get('set-cookie')).toBeNull();
    }
    expect((await visitor.send('GET', '/whoami')).body).toMatchObject({ replica: 'test', user: null, session: null });
    expect(await redis.command('DBSIZE')).toBe(0);
  });

  test('login gives a new session id and keeps the cart', async () => {
    const visitor = createVisitor(replica.url);
    const added = await visitor.send('POST', '/cart/items', { sku: 'a1', quantity: 2 });
    expect(added).toMatchObject({ status: 201, body: { items: [{ sku: 'a1', quantity: 2 }] } });
    const before = visitor.cookie;
    const login = await visitor.send('POST', '/login', { name: 'Ada' });
    expect(login).toMatchObject({ status: 200, body: { user: { id: 'ada', name: 'Ada' } } });
    expect(visitor.cookie).not.toBe(before);
    expect((await visitor.send('GET', '/cart')).body.items).toEqual([{ sku: 'a1', quantity: 2 }]);
    const profile = await visitor.send('GET', '/profile');
    expect(profile.body.user).toEqual({ id: 'ada', name: 'Ada' });
    expect(Date.now() - new Date(profile.body.since).getTime()).toBeLessThan(10_000);
    const old = await createVisitor(replica.url, before).send('GET', '/cart');
    expect(old.body.items).toEqual([]);
  });

  test('the cookie is HttpOnly, SameSite=Strict, for all paths, for an hour', async () => {
    const { headers } = await createVisitor(replica.url).send('POST', '/cart/items', { sku: 'a1', quantity: 1 });
    const cookie = headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^sid=s%3A/);
    for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/', 'Max-Age=3600']) expect(cookie).toContain(part);
    expect(cookie).not.toContain('Secure');
  });

  test('adding an item again increases its quantity and keeps the order; removing it twice is no error', async () => {
    const visitor = createVisitor(replica.url);
    for (const sku of ['b', 'a', 'b']) await visitor.send('POST', '/cart/items', { sku, quantity: 1 });
    expect((await visitor.send('GET', '/cart')).body.items).toEqual([
      { sku: 'b', quantity: 2 },
      { sku: 'a', quantity: 1 },
    ]);
    for (let time = 0; time < 2; time++) {
      const removed = await visitor.send('DELETE', '/cart/items/b');
      expect(removed).toMatchObject({ status: 200, body: { items: [{ sku: 'a', quantity: 1 }] } });
    }
  });

  test('preferences are changed independently', async () => {
    const visitor = createVisitor(replica.url);
    await visitor.send('PATCH', '/preferences', { theme: 'dark' });
    const changed = await visitor.send('PATCH', '/preferences', { language: 'pt-BR' });
    expect(changed).toMatchObject({ status: 200, body: { theme: 'dark', language: 'pt-BR' } });
    expect((await visitor.send('GET', '/preferences')).body).toEqual({ theme: 'dark', language: 'pt-BR' });
  });

  test('after logout the old cookie is not logged in', async () => {
    const visitor = createVisitor(replica.url);
    await visitor.send('POST', '/login', { name: 'Bob' });
    const { cookie } = visitor;
    const logout = await visitor.send('POST', '/logout');
    expect(logout.status).toBe(204);
    expect(logout.headers.get('set-cookie')).toMatch(/^sid=;.*Expires=Thu, 01 Jan 1970/);
    expect((await createVisitor(replica.url, cookie).send('GET', '/profile')).status).toBe(401);
    expect((await visitor.send('POST', '/logout')).status).toBe(204);
  });

  test('a user lists their sessions by handle, and ends one from another', async () => {
    const [here, there, other] = [createVisitor(replica.url), createVisitor(replica.url), createVisitor(replica.url)];
    await here.send('POST', '/login', { name: 'Eve' }, { 'user-agent': 'Here/1' });
    await there.send('POST', '/login', { name: 'Eve' }, { 'user-agent': 'There/1' });
    await other.send('POST', '/login', { name: 'Mallory' });
    const { sessions } = (await here.send('GET', '/sessions')).body;
    expect(sessions.map((entry: { userAgent: string }) => entry.userAgent).sort()).toEqual(['Here/1', 'There/1']);
    const mine = sessions.find((entry: { current: boolean }) => entry.current);
    const theirs = sessions.find((entry: { current: boolean }) => !entry.current);
    expect(mine.userAgent).toBe('Here/1');
    expect(Math.abs(Date.now() - new Date(mine.lastSeenAt).getTime())).toBeLessThan(2000);
    expect((await here.send('GET', '/whoami')).body.session.id).toBe(mine.id);
    for (const { cookie } of [here, there]) expect(cookie).not.toContain(mine.id);

    expect((await other.send('DELETE', `/sessions/${theirs.id}`)).status).toBe(404);
    expect((await here.send('DELETE', `/sessions/${theirs.id}`)).status).toBe(204);
    expect((await there.send('GET', '/profile')).status).toBe(401);
    expect((await here.send('GET', '/profile')).status).toBe(200);

    await there.send('POST', '/login', { name: 'Eve' });
    expect((await there.send('DELETE', '/sessions')).status).toBe(204);
    expect((await here.send('GET', '/profile')).status).toBe(401);
    expect((await other.send('GET', '/profile')).status).toBe(200);
  });

  test('every response names its replica and must not be cached', async () => {
    const visitor = createVisitor(replica.url);
    for (const path of ['/', '/files/page.js', '/whoami', '/profile', '/nowhere']) {
      const { headers } = await visitor.send('GET', path);
      expect(headers.get('x-served-by')).toBe('test');
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });

  test('the admin listener serves liveness, readiness and metrics', async () => {
    const admin = createVisitor(replica.adminUrl);
    expect(await admin.send('GET', '/livez')).toMatchObject({ status: 200, body: { state: 'ready' } });
    expect(await admin.send('GET', '/readyz')).toMatchObject({
      status: 200,
      body: { store: { kind: store, reachable: true } },
    });
    expect((await admin.send('GET', '/metrics')).body).toMatch(
      /http_requests_total\{method="GET",route="\/whoami",status="2xx"/,
    );
    expect((await admin.send('GET', '/nowhere')).status).toBe(404);
    expect((await createVisitor(replica.url).send('GET', '/metrics')).status).toBe(404);
  });

  test.each([
    ['127.0.0.1:9464', 200],
    ['[::1]:9464', 200],
    ['localhost', 200],
    ['app:9464', 200],
    ['app.default.svc.cluster.local:9464', 200],
    ['metrics.evil.example:9464', 403],
    ['127.0.0.1.evil.example', 403],
  ])('the admin listener answers to the host %s with %i', async (host, status) => {
    expect(await statusUnder(host, `${replica.adminUrl}/metrics`)).toBe(status);
  });
});

describe('in production', () => {
  const settings = { NODE_ENV: 'production', SESSION_SECRETS: makeSecret() };
  const overTls = { 'x-forwarded-proto': 'https' };

  test('sessions need TLS', async () => {
    const replica = await startTestReplica({ ...settings, REDIS_URL: redis.url });
    try {
      const visitor = createVisitor(replica.url);
      const plain = await visitor.send('POST', '/login', { name: 'Ada' });
      expect(plain).toMatchObject({ status: 403, body: { type: 'urn:problem-type:unsticky:tls-required' } });
      const tls = await visitor.send('POST', '/login', { name: 'Ada' }, overTls);
      expect(tls.headers.get('set-cookie')).toMatch(/^__Host-sid=.*; Secure;/);
      expect(tls.headers.get('strict-transport-security')).toBeTruthy();
      expect((await visitor.send('GET', '/profile', undefined, overTls)).status).toBe(200);
      expect((await visitor.send('GET', '/profile')).status).toBe(401);
    } finally {
      await replica.drain();
    }
  });
});
