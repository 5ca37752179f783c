import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestRedis, type TestRedis, until } from '../../test/replica.ts';
import {
  createSessions,
  listSessions,
  redisOptions,
  renewSession,
  revokeSessions,
  type SessionError,
  type SessionsOptions,
} from './index.ts';

// What an application chooses: for the layer by options, for one session by req.session.cookie.

let redis: TestRedis;
const ends: (() => void)[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const end of ends.splice(0)) end();
  await redis.command('FLUSHALL');
});
afterAll(() => redis.stop());

const secret = 's'.repeat(32);
type Session = express.Request['session'] & Record<string, unknown>;
type Handler = (session: Session, req: express.Request) => unknown;

async function connect() {
  const client = createClient({ url: redis.url, ...redisOptions });
  client.on('error', () => {});
  await client.connect();
  ends.push(() => client.destroy());
  return client;
}

/** Starts an application whose routes return what they answer. @returns a browser of it */
async function start(options: Partial<SessionsOptions>, routes: Record<string, Handler> = {}) {
  const app = express();
  const client = options.client ?? (await connect());
  app.use(express.json(), createSessions({ client, secrets: [secret], ...options }));
  const own: Record<string, Handler> = {
    '/': (session) => ({ ...session, cookie: undefined }),
    '/set': (session, req) => void Object.assign(session, req.query),
    ...routes,
  };
  for (const [path, handler] of Object.entries(own))
    app.all(path, async (req, res) => void res.json((await handler(req.session as Session, req)) ?? {}));
  app.use(((err: SessionError, _req, res, _next) => {
    res.status(err.statusCode ?? 500).json({ code: err.code, attribute: err.attribute, message: err.message });
  }) as express.ErrorRequestHandler);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { open: (cookie = '') => createBrowser((server.address() as AddressInfo).port, cookie) };
}

function createBrowser(port: number, cookie: string) {
  return {
    cookie,
    setCookie: null as string | null,
    async get(path: string) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie: this.cookie } });
      this.setCookie = response.headers.get('set-cookie');
      if (this.setCookie) this.cookie = this.setCookie.split(';')[0] ?? '';
      return { status: response.status, body: await response.json() };
    },
  };
}

const keys = async (pattern = 'session:*') => (await redis.command('KEYS', pattern)) as string[];
const remainingMs = async () => Number(await redis.command('PTTL', (await keys())[0] ?? ''));

describe('the lifetime of one session', () => {
  const day = 86_400_000;

  test('"remember me": its cookie and its life in Redis are as long, for later requests too', async () => {
    const login: Handler = (session) => {
      session.name = 'ada';
      session.cookie.maxAge = 30 * day;
    };
    const app = await start({ idleSeconds: 60, absoluteSeconds: 120 }, { '/login': login });
    const browser = app.open();
    await browser.get('/login');
    expect(browser.setCookie).toContain('Max-Age=2592000');
    expect(await remainingMs()).toBeGreaterThan(30 * day - 5000);
    await browser.get('/set?a=1');
    expect(browser.setCookie).toBeNull(); // half its life is not over
    expect(await remainingMs()).toBeGreaterThan(30 * day - 5000);
    const other = await start({ idleSeconds: 60, absoluteSeconds: 120 });
    expect((await other.open(browser.cookie).get('/')).body).toEqual({ name: 'ada', a: '1' });
    expect(await remainingMs()).toBeGreaterThan(30 * day - 5000); // the read of another process extends it as far
  });

  test('a short one ends', async () => {
    const app = await start({}, { '/short': (session) => void Object.assign(session.cookie, { maxAge: 300 }) });
    const browser = app.open();
    await browser.get('/set?a=1');
    await browser.get('/short');
    expect((await browser.get('/')).body).toEqual({ a: '1' });
    await until(async () => (await keys()).length === 0);
    expect((await browser.get('/')).body).toEqual({});
  });

  test('a cookie that ends with the browser has no Expires, also when it is given out again', async () => {
    const app = await start(
      { rolling: true },
      { '/browser': (session) => void Object.assign(session.cookie, { expires: false as never }) },
    );
    const browser = app.open();
    await browser.get('/set?a=1');
    expect(browser.setCookie).toContain('Expires');
    for (const path of ['/browser', '/set?b=1', '/']) {
      await browser.get(path);
      expect(browser.setCookie).toMatch(/^sid=/);
      expect(browser.setCookie).not.toMatch(/Expires|Max-Age/);
    }
    expect(await remainingMs()).toBeGreaterThan(3_500_000);
  });

  test('maxAge = 0 ends it: the old cookie opens nothing', async () => {
    const app = await start({}, { '/logout': (session) => void Object.assign(session.cookie, { maxAge: 0 }) });
    const browser = app.open();
    await browser.get('/set?a=1');
    const { cookie } = browser;
    await browser.get('/logout');
    expect(browser.setCookie).toContain('Expires=Thu, 01 Jan 1970');
    expect((await app.open(cookie).get('/')).body).toEqual({});
    expect(await keys()).toEqual([]);
  });

  test('its other settings stay, and reading them changes nothing', async () => {
    const app = await start(
      { rolling: true },
      {
        '/lax': (session) => void Object.assign(session.cookie, { sameSite: 'lax' }),
        '/look': ({ cookie }) => JSON.parse(JSON.stringify(cookie)),
      },
    );
    const browser = app.open();
    await browser.get('/set?a=1');
    const before = await redis.command('GET', (await keys())[0] ?? '');
    expect((await browser.get('/look')).body).toMatchObject({ originalMaxAge: 3_600_000, sameSite: 'strict' });
    expect(await redis.command('GET', (await keys())[0] ?? '')).toBe(before);
    await browser.get('/lax');
    await browser.get('/set?b=1');
    expect(browser.setCookie).toContain('SameSite=Lax');
  });
});

describe('options', () => {
  test('rolling: every response carries the cookie; else only a new one', async () => {
    for (const rolling of [true, false]) {
      const browser = (await start({ rolling })).open();
      await browser.get('/set?a=1');
      await browser.get('/');
      expect(browser.setCookie !== null).toBe(rolling);
    }
  });

  test('genid makes the ids, of a login too', async () => {
    let made = 0;
    const app = await start(
      { genid: () => `id-${++made}` },
      { '/login': (_session, req) => renewSession(req, () => {}) },
    );
    const browser = app.open();
    await browser.get('/set?a=1');
    expect(browser.cookie).toMatch(/^sid=s%3Aid-1~/);
    await browser.get('/login');
    expect(browser.cookie).toMatch(/^sid=s%3Aid-2~/);
    expect((await browser.get('/')).body).toEqual({ a: '1' });
  });

  test('lastWriteWins: 20 requests at once that each note when they came all succeed', async () => {
    for (const [lastWriteWins, statuses] of [
      [['lastSeen'], [200]],
      [[], [200, 409]],
    ] as const) {
      let arrived = 0;
      const all = Promise.withResolvers<void>();
      const routes: Record<string, Handler> = {
        '/seen': async (session) => {
          session.lastSeen = Math.random();
          if (++arrived === 21) all.resolve(); // the first one is alone
          if (arrived > 1) await all.promise;
        },
      };
      const app = await start({ lastWriteWins: [...lastWriteWins] }, routes);
      const browser = app.open();
      await browser.get('/seen');
      const answers = await Promise.all(Array.from({ length: 20 }, () => app.open(browser.cookie).get('/seen')));
      expect([...new Set(answers.map(({ status }) => status))].sort()).toEqual(statuses);
      const refused = answers.find(({ status }) => status === 409);
      if (refused) expect(refused.body).toMatchObject({ attribute: 'lastSeen', code: 'session-conflict' });
    }
  });

  test('two configurations on one Redis: each keeps to its own', async () => {
    const client = await connect();
    const [one, two] = [await start({ client }), await start({ client, idleSeconds: 60, prefix: 'two:', name: 'two' })];
    const lives: (string | undefined)[] = [];
    for (const app of [one, two, one]) {
      const browser = app.open();
      await browser.get('/set?a=1');
      lives.push(/Max-Age=(\d+)/.exec(browser.setCookie ?? '')?.[1]);
    }
    expect(lives).toEqual(['3600', '60', '3600']);
  });

  test('twenty layers on one client are no leak of listeners', async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error) => void warnings.push(name);
    process.on('warning', note);
    const client = await connect();
    for (let number = 0; number < 20; number++) createSessions({ client, secrets: [secret], prefix: `${number}:` });
    await new Promise(setImmediate);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});

test.each([42, 42n, { toString: () => '42' }])('a user may be %o: found and ended', async (user) => {
  const app = await start(
    {},
    {
      '/login': (_session, req) => renewSession(req, (draft) => void Object.assign(draft, { user: { id: 42 } })),
      '/list': async (_session, req) => ({ count: (await listSessions(req, user)).length }),
      '/end': async (_session, req) => ({ ended: await revokeSessions(req, user) }),
      '/wrong': (_session, req) => listSessions(req, {} as never),
    },
  );
  const browser = app.open();
  await browser.get('/login');
  expect(((await browser.get('/wrong')).body as Error).message).toContain('user must be the id of a user');
  expect((await browser.get('/list')).body).toEqual({ count: 1 });
  expect((await app.open().get('/end')).body).toEqual({ ended: 1 });
  expect((await browser.get('/')).body).toEqual({});
});
