import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeSecret } from '../../deploy/fleet/secrets.ts';
import { findPort } from '../../deploy/fleet/ports.ts';
import {
  createVisitor,
  secretOf,
  sessionIdOf,
  startTestRedis,
  startTestReplica,
  type TestRedis,
  until,
} from '../../test/replica.ts';

let redis: TestRedis;
let replicas: Awaited<ReturnType<typeof startTestReplica>>[];
beforeAll(async () => {
  redis = await startTestRedis();
  const start = (replica: string) => startTestReplica({ REDIS_URL: redis.url, REPLICA: replica });
  replicas = await Promise.all([start('replica-1'), start('replica-2')]);
});
afterAll(async () => {
  for (const replica of replicas) await replica.drain();
  await redis.stop();
});

const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };

/** A browser without JavaScript, as the server sees it: it loads pages, and sends forms to any replica. */
function createBrowser(urls = replicas.map(({ url }) => url)) {
  const visitor = createVisitor('');
  let sent = 0;
  const next = (path: string) => `${urls[sent++ % urls.length]}${path}`;
  return {
    visitor,
    look: (headers = {}) => visitor.send('GET', next('/'), undefined, { accept: 'text/html', ...headers }),
    submit(
      form: string,
      fields: Record<string, string> = {},
      { key = crypto.randomUUID() as string, headers = {} } = {},
    ) {
      const all = { accept: 'text/html,*/*;q=0.8', ...urlencoded, 'sec-fetch-site': 'same-origin', ...headers };
      return visitor.send('POST', next(`/page/${form}?key=${key}`), new URLSearchParams(fields).toString(), all);
    },
  };
}

const text = (page: string) => page.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

describe('forms, without JavaScript', () => {
  test('do what the API does, and redirect to the page, which is current on every replica', async () => {
    const browser = createBrowser();
    const done = async (form: string, fields?: Record<string, string>) => {
      const answer = await browser.submit(form, fields);
      expect(answer).toMatchObject({ status: 303 });
      expect(answer.headers.get('location')).toBe('/');
      return (await browser.look()).body;
    };
    expect(await done('cart', { sku: 'tea', quantity: '2' })).toContain('remove-tea');
    const before = browser.visitor.cookie;
    expect(text(await done('login', { name: 'Ada' }))).toContain('Hello , Ada .');
    expect(browser.visitor.cookie).not.toBe(before);
    expect(text(await done('cart', { sku: 'soap', quantity: '1' }))).toContain('2 items, 3 in total');
    expect(await done('cart-remove', { sku: 'tea' })).not.toContain('remove-tea');
    const german = await done('preferences', { theme: 'dark', language: 'de' });
    expect(german).toContain('data-theme="dark"');
    expect(german).toContain('<span lang="de">Hallo</span>');

    const elsewhere = createBrowser();
    await elsewhere.submit('login', { name: 'Ada' }, { headers: { 'user-agent': 'curl/8' } });
    const [, handle = ''] = /id="end-([^"]+)"/.exec((await browser.look()).body) ?? [];
    expect(await done('session-end', { id: handle })).not.toContain('id="end-');
    expect(text((await elsewhere.look()).body)).toContain('Hello , stranger');
    await elsewhere.submit('login', { name: 'Ada' });
    expect(text(await done('logout'))).toContain('Hello , stranger');
    await browser.submit('login', { name: 'Ada' });
    expect(text(await done('logout-everywhere'))).toContain('Hello , stranger');
    expect(text((await elsewhere.look()).body)).toContain('Hello , stranger');
  });

  test('set the same cookie, and clear it', async () => {
    const browser = createBrowser();
    const cookieOf = async (form: string, fields = {}) =>
      (await browser.submit(form, fields)).headers.get('set-cookie');
    expect(await cookieOf('login', { name: 'Ada' })).toMatch(/^sid=s%3A.*HttpOnly; SameSite=Strict; Max-Age=3600/);
    expect(await cookieOf('logout')).toMatch(/^sid=;.*Expires=Thu, 01 Jan 1970/);
  });

  test('are shown again with the error and what was typed', async () => {
    const browser = createBrowser();
    const wrong = await browser.submit('cart', { sku: '<b>"', quantity: 'many' });
    expect(wrong.status).toBe(400);
    expect(text(wrong.body)).toContain('Item must be 1 to 64 letters');
    expect(text(wrong.body)).toContain('Quantity must be a whole number.');
    expect(wrong.body).toContain('value="&lt;b&gt;&quot;"');
    const gone = await browser.submit('logout-everywhere');
    expect(gone).toMatchObject({ status: 401, body: expect.stringContaining('You are no longer logged in.') });
  });

  test('sent twice with one key take effect once; another content or key is another change', async () => {
    const browser = createBrowser();
    await browser.submit('login', { name: 'Ada' });
    const tea = { sku: 'tea', quantity: '1' };
    for (const fields of [tea, tea, { sku: 'soap', quantity: '1' }]) {
      expect((await browser.submit('cart', fields, { key: 'one' })).status).toBe(303);
    }
    expect(text((await browser.look()).body)).toContain('2 items, 2 in total');
    await browser.submit('cart', tea, { key: 'two' });
    expect(text((await browser.look()).body)).toContain('2 items, 3 in total');
    const unusable = await browser.submit('cart', tea, { key: 'a%20b' });
    expect(unusable).toMatchObject({ status: 400, body: expect.stringContaining('Load the page again') });
  });

  test('are answered with the page itself if preferred', async () => {
    const answer = await createBrowser().submit(
      'login',
      { name: 'Ada' },
      { headers: { prefer: 'return=representation' } },
    );
    expect(answer).toMatchObject({ status: 200, body: expect.stringContaining('<bdi>Ada</bdi>') });
    expect(answer.headers.get('preference-applied')).toBe('return=representation');
  });

  test('of another site are refused', async () => {
    const browser = createBrowser();
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]) {
      const answer = await browser.submit('login', { name: 'Mallory' }, { headers });
      expect(answer).toMatchObject({ status: 403, body: expect.stringContaining('Cross-site request.') });
      expect(answer.headers.get('content-type')).toContain('text/html');
      expect(answer.headers.get('set-cookie')).toBeNull();
    }
    const old = createVisitor(replicas[0]?.url ?? '');
    const post = (origin: string) => old.send('POST', '/page/login', 'name=Ada', { ...urlencoded, origin });
    for (const origin of ['null', 'https://elsewhere.example']) expect((await post(origin)).status).toBe(403);
    expect((await post(replicas[0]?.url ?? '')).status).toBe(303);
    // A browser that sends Sec-Fetch-Site sends no origin if the referrer policy forbids it.
    expect((await browser.submit('login', { name: 'Ada' }, { headers: { origin: 'null' } })).status).toBe(303);
  });

  test('have URLs that accept only small forms; the API accepts none', async () => {
    const visitor = createVisitor(replicas[0]?.url ?? '');
    const accept = { accept: 'text/html' };
    expect((await visitor.send('POST', '/page/login', { name: 'Ada' })).status).toBe(415);
    expect((await visitor.send('POST', '/login', 'name=Ada', urlencoded)).status).toBe(415);
    expect((await visitor.send('POST', '/page/login', `name=${'a'.repeat(5000)}`, urlencoded)).status).toBe(413);
    expect((await visitor.send('POST', '/page/nowhere', 'a=1', urlencoded)).status).toBe(404);
    expect((await visitor.send('DELETE', '/page/login')).status).toBe(405);
    expect((await visitor.send('GET', '/page/login?key=a', undefined, accept)).headers.get('location')).toBe('/');
    for (const body of ['name=a&name=b', 'name=Ada&admin=1', '']) {
      expect((await visitor.send('POST', '/page/login', body, urlencoded)).status).toBe(400);
    }
  });

  test('need TLS in production, like all changes', async () => {
    const settings = { NODE_ENV: 'production', SESSION_SECRETS: makeSecret(), REDIS_URL: redis.url };
    const replica = await startTestReplica(settings);
    onTestFinished(async () => void (await replica.drain()));
    const browser = createBrowser([replica.url]);
    expect((await browser.look()).status).toBe(200);
    const plain = await browser.submit('login', { name: 'Ada' });
    expect(plain).toMatchObject({ status: 403, body: expect.stringContaining('Use https.') });
    const tls = await browser.submit('login', { name: 'Ada' }, { headers: { 'x-forwarded-proto': 'https' } });
    expect(tls.status).toBe(303);
    expect(tls.headers.get('set-cookie')).toMatch(/^__Host-sid=.*; Secure;/);
  });
});

describe('rendering the page', () => {
  test('sends Redis no command for a visitor without a cookie', async () => {
    const browser = createBrowser();
    const look = async () => {
      const answer = await browser.look();
      expect(answer.status).toBe(200);
      expect(answer.headers.get('set-cookie')).toBeNull();
    };
    expect(await redis.countCommands(look)).toEqual([]);
  });

  test('sends one command, and for a logged-in user one more and two per session, and writes nothing', async () => {
    const browser = createBrowser();
    const namesOf = async () => {
      const commands = await redis.countCommands(async () => void (await browser.look()));
      return commands.map((line) => /"(\w+)"/.exec(line)?.[1]?.toUpperCase()).sort();
    };
    await browser.submit('cart', { sku: 'tea', quantity: '1' });
    expect(await namesOf()).toEqual(['GETEX']);
    await browser.submit('login', { name: 'Grace' });
    expect(await namesOf()).toEqual(['GET', 'GETEX', 'PTTL', 'ZRANGE']);
  });

  test("shows visitors' input as text", async () => {
    const browser = createBrowser();
    const evil = '<img src=x onerror=alert(1)>"\'';
    const headers = { 'user-agent': '<script>alert(2)</script>' };
    await createBrowser().submit('login', { name: evil }, { headers });
    await browser.submit('login', { name: evil });
    const { body } = await browser.look();
    expect(body).not.toMatch(/<img|<script>|onerror=alert\(1\)>/);
    expect(body).toContain('<bdi>&lt;img src=x onerror=alert(1)&gt;&quot;&#39;</bdi>');
    expect(body).toContain('&lt;script&gt;alert(2)');
  });

  test('has a content security policy that allows only its own files', async () => {
    const { headers, body } = await createBrowser().look();
    const policy = String(headers.get('content-security-policy')).split(';');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy.join()).not.toMatch(/unsafe|\*|http|data:/);
    expect(body).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/i);
  });

  test('holds no cookie and no session id', async () => {
    const browser = createBrowser();
    await browser.submit('login', { name: 'Ada' });
    const id = secretOf(sessionIdOf(browser.visitor.cookie));
    expect(id).toHaveLength(32);
    expect((await browser.look()).body).not.toContain(id);
  });

  test('opened by a link from another site, without the cookie, reloads from its own site', async () => {
    const refresh = '<meta http-equiv="refresh" content="0">';
    expect((await createBrowser().look({ 'sec-fetch-site': 'cross-site' })).body).toContain(refresh);
    expect((await createBrowser().look({ 'sec-fetch-site': 'same-origin' })).body).not.toContain(refresh);
  });

  test.each(['plain', 'memory'])('works with its forms with the store %s too', async (store) => {
    const replica = await startTestReplica({ SESSION_STORE: store, REDIS_URL: redis.url });
    onTestFinished(async () => void (await replica.drain()));
    const browser = createBrowser([replica.url]);
    await browser.submit('cart', { sku: 'tea', quantity: '1' });
    await browser.submit('login', { name: `Ada of ${store}` });
    const { body } = await browser.look();
    expect(body).toContain('remove-tea');
    expect(body).toContain('this browser');
    await browser.submit('logout-everywhere');
    expect(text((await browser.look()).body)).toContain('Hello , stranger');
  });
});

describe('with a faulty store', () => {
  async function startPair() {
    const own = await startTestRedis();
    const replica = await startTestReplica({ REDIS_URL: own.url });
    onTestFinished(async () => {
      await own.stop();
      await replica.drain();
    });
    return { own, browser: createBrowser([replica.url]) };
  }

  test('Redis down: the page says so at once, and offers to resend the form', async () => {
    const { own, browser } = await startPair();
    await browser.submit('login', { name: 'Ada' });
    await own.stop();
    const start = performance.now();
    const [page, form] = [
      await browser.look(),
      await browser.submit('cart', { sku: 'tea', quantity: '1' }, { key: 'k' }),
    ];
    expect(performance.now() - start).toBeLessThan(1500);
    for (const { status, headers, body } of [page, form]) {
      expect(status).toBe(503);
      expect(headers.get('retry-after')).toBe('1');
      expect(headers.get('content-type')).toContain('text/html');
      expect(text(body)).toContain('Session store unavailable. Nothing was changed.');
      expect(body).toContain('href="/files/page.css"');
    }
    expect(page.body).not.toContain('Send it again');
    expect(form.body).toMatch(/action="\/page\/cart\?key=k"><input type="hidden" name="sku" value="tea"/);
    await own.start();
    await until(async () => (await browser.submit('cart', { sku: 'tea', quantity: '1' }, { key: 'k' })).status === 303);
  });

  test('Redis hung: the same within about a second', async () => {
    const { own, browser } = await startPair();
    await browser.submit('login', { name: 'Ada' });
    own.process().kill('SIGSTOP');
    const start = performance.now();
    const [page, form] = await Promise.all([browser.look(), browser.submit('logout')]);
    expect(performance.now() - start).toBeLessThan(1500);
    expect([page.status, form.status]).toEqual([503, 503]);
    own.process().kill('SIGCONT');
    await until(async () => text((await browser.look()).body).includes('Hello , Ada'));
  });

  test('Redis full: no redirect leaves before the change is stored', async () => {
    const { own, browser } = await startPair();
    await browser.submit('cart', { sku: 'tea', quantity: '1' });
    await own.command('CONFIG', 'SET', 'maxmemory', '1');
    const refused = await browser.submit('cart', { sku: 'soap', quantity: '1' });
    expect(refused).toMatchObject({ status: 503, body: expect.stringContaining('Nothing was changed') });
    const { body } = await browser.look();
    expect(body).toContain('remove-tea');
    expect(body).not.toContain('remove-soap');
  });

  test('Redis down from the start: a visitor without a cookie still gets the page', async () => {
    const replica = await startTestReplica({ REDIS_URL: `redis://127.0.0.1:${await findPort()}` });
    onTestFinished(async () => void (await replica.drain()));
    expect((await createBrowser([replica.url]).look()).status).toBe(200);
  });
});
