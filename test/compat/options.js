import express from 'express';
import { withApp } from './serve.js';

/** The lines of Set-Cookie of one response, without values and times, sorted. */
export function settingsOf(line = '') {
  const [pair, ...settings] = line.split('; ');
  const known = settings.filter((text) => !/^(Expires|Max-Age)=/i.test(text)).toSorted();
  return pair === '' ? 'no cookie' : known.join('; ');
}

/** How long a cookie lives, in seconds, or `browser` if until that is closed. */
export function lifeOf(line = '') {
  const [, expires] = /Expires=([^;]+)/i.exec(line) ?? [];
  return expires === undefined ? 'browser' : Math.round((Date.parse(expires) - Date.now()) / 10_000) * 10;
}

/** A visitor of an application with this middleware, whose `GET /<name>` runs the handler of that name. */
export function visit(middleware, handlers, use) {
  const app = express().set('trust proxy', true).use(middleware);
  for (const [name, handle] of Object.entries(handlers)) app.get(`/${name}`, handle);
  return withApp(app, (browser, _server, port) => {
    const raw = async (name, headers = {}) => {
      const cookie = browser.cookie && { cookie: browser.cookie };
      const response = await fetch(`http://127.0.0.1:${port}/${name}`, { headers: { ...cookie, ...headers } });
      await response.arrayBuffer();
      return response.headers.getSetCookie();
    };
    return use({ browser, raw, get: async (name) => (await browser.get(`/${name}`)).body });
  });
}

const begin = (req, res) => {
  req.session.visits = (req.session.visits ?? 0) + 1;
  res.json(req.session.visits);
};
const look = (req, res) => res.json(req.session?.visits ?? 'none');

const cookieOf = (cookie) => (make) =>
  visit(make({ cookie }), { begin }, async ({ raw }) => settingsOf((await raw('begin'))[0]));

const stays = (handle) => (make) =>
  visit(make({}), { begin, handle, look }, async ({ get, browser }) => {
    await get('begin');
    const before = browser.cookie;
    return [await get('handle'), await get('look'), browser.cookie === before];
  });

/**
 * What express-session's README documents: what it promises, and what a visitor sees of it. `why` says why this layer
 * differs; without it, it must do the same.
 */
export const promises = {
  'the cookie by default': {
    see: cookieOf({}),
    why: 'also `SameSite=Strict`, and over TLS `Secure` and a name that begins with `__Host-`',
  },
  'cookie.domain': { see: cookieOf({ sameSite: 'lax', domain: 'example.com' }) },
  'cookie.httpOnly': { see: cookieOf({ sameSite: 'lax', httpOnly: false }) },
  'cookie.partitioned': { see: cookieOf({ sameSite: 'lax', partitioned: true }) },
  'cookie.path': { see: cookieOf({ sameSite: 'lax', path: '/begin' }) },
  'cookie.path, and a request outside of it': {
    see: (make) =>
      visit(
        make({ cookie: { path: '/begin' } }),
        { begin, has: (req, res) => res.json(req.session !== undefined) },
        async ({ get }) => [await get('begin'), await get('has')],
      ),
  },
  'cookie.priority': { see: cookieOf({ sameSite: 'lax', priority: 'high' }) },
  'cookie.sameSite: true': { see: cookieOf({ sameSite: true }) },
  "cookie.sameSite: 'lax'": { see: cookieOf({ sameSite: 'lax' }) },
  "cookie.sameSite: 'none'": { see: cookieOf({ sameSite: 'none' }) },
  'cookie.sameSite: false': { see: cookieOf({ sameSite: false }) },
  "cookie.sameSite: 'auto'": {
    see: cookieOf({ sameSite: 'auto' }),
    why: 'refused: whether requests from other sites carry the cookie should not depend on the connection',
  },
  'cookie.secure: true': { see: cookieOf({ sameSite: 'lax', secure: true }) },
  "cookie.secure: 'auto'": {
    see: cookieOf({ sameSite: 'lax', secure: 'auto' }),
    why: 'refused: it is the default',
  },
  'cookie.maxAge': {
    see: (make) =>
      visit(make({ cookie: { maxAge: 600_000 } }), { begin }, async ({ raw }) => lifeOf((await raw('begin'))[0])),
  },
  'cookie.expires': {
    see: cookieOf({ sameSite: 'lax', expires: new Date(Date.now() + 600_000) }),
    why: 'refused: one moment for all sessions; express-session advises `maxAge`, here `idleSeconds`',
  },
  'cookie as a function': {
    see: cookieOf(() => ({ sameSite: 'lax' })),
    why: 'refused: settings of one session go by `req.session.cookie`',
  },
  genid: {
    see: (make) =>
      visit(
        make({ genid: (req) => `own-${req.url.slice(1)}` }),
        {
          begin: begin,
          id: (req, res) => res.json(req.sessionID),
        },
        async ({ get }) => [await get('begin'), await get('id')],
      ),
  },
  name: {
    see: (make) =>
      visit(make({ name: 'own' }), { begin }, async ({ get, browser }) => [
        await get('begin'),
        browser.cookie.split('=')[0],
      ]),
  },
  proxy: {
    see: (make) =>
      visit(make({ proxy: false, cookie: { secure: true } }), { begin }, async ({ raw }) =>
        settingsOf((await raw('begin', { 'x-forwarded-proto': 'https' }))[0]),
      ),
    why: "refused: Express's `trust proxy` says it for everything",
  },
  resave: {
    see: (make) =>
      visit(make({ resave: true }), { begin, look }, async ({ get }) => [await get('begin'), await get('look')]),
    why: 'refused: a request that changes nothing would undo what another has changed',
  },
  rolling: {
    see: (make) =>
      visit(make({ rolling: true, cookie: { maxAge: 600_000 } }), { begin, look }, async ({ get, raw }) => {
        await get('begin');
        return [(await raw('look')).length, lifeOf((await raw('look'))[0])];
      }),
  },
  saveUninitialized: {
    see: (make) => visit(make({ saveUninitialized: true }), { look }, async ({ raw }) => (await raw('look')).length),
    why: 'refused: nothing is stored, and no cookie set, before there is something to store',
  },
  secret: {
    see: (make) =>
      visit(make({}), { begin, look }, async ({ get, browser }) => {
        await get('begin');
        const valid = browser.cookie;
        browser.cookie = `${valid.slice(0, -3)}abc`;
        return [await get('look'), valid.includes('=s%3A') || valid.includes('=s:')];
      }),
  },
  'secret: a list': {
    see: async (make) => {
      const [old, fresh] = ['old-'.repeat(8), 'new-'.repeat(8)];
      const cookie = await visit(make({ secret: old }), { begin }, async ({ get, browser }) => {
        await get('begin');
        return browser.cookie;
      });
      return visit(make({ secret: [fresh, old] }), { look }, async ({ get, browser }) => {
        browser.cookie = cookie;
        return get('look');
      });
    },
  },
  store: {
    see: (make) => visit(make({ store: 'another' }), { begin }, ({ get }) => get('begin')),
    why: 'refused: the guarantees are made with Redis',
  },
  "unset: 'keep'": { see: stays((req, res) => res.json(delete req.session && 'unset')) },
  "unset: 'destroy'": {
    see: (make) =>
      visit(
        make({ unset: 'destroy' }),
        { begin, unset: (req, res) => res.json(delete req.session && 'unset'), look },
        async ({ get }) => [await get('begin'), await get('unset'), await get('look')],
      ),
    why: 'refused: `destroySession` ends a session for good',
  },
  'req.session.regenerate': {
    see: stays((req, res) =>
      req.session.regenerate((err) => {
        const before = req.session.visits ?? 'empty';
        req.session.visits = 100;
        res.json([err ?? 'new', before]);
      }),
    ),
  },
  'req.session.regenerate, left empty': {
    see: stays((req, res) => req.session.regenerate((err) => res.json([err ?? 'new', req.session.visits ?? 'empty']))),
    why: 'an empty session is not stored: the old cookie stays, and opens nothing',
  },
  'req.session.destroy': { see: stays((req, res) => req.session.destroy((err) => res.json(err ?? 'gone'))) },
  'req.session.reload': {
    see: stays((req, res) => {
      req.session.visits = 100;
      req.session.reload((err) => res.json([err ?? 'read', req.session.visits]));
    }),
  },
  'req.session.save': {
    see: stays((req, res) => {
      req.session.visits = 100;
      req.session.save((err) => res.json(err ?? 'saved'));
    }),
  },
  'req.session.touch': { see: stays((req, res) => res.json(req.session.touch() === req.session)) },
  'req.session.id, req.sessionID': { see: stays((req, res) => res.json(req.session.id === req.sessionID)) },
  'req.session.cookie.maxAge': {
    see: (make) =>
      visit(
        make({ cookie: { maxAge: 600_000 } }),
        {
          remember(req, res) {
            req.session.visits = 1;
            req.session.cookie.maxAge = 86_400_000;
            res.json('long');
          },
          left: (req, res) =>
            res.json([Math.round(req.session.cookie.maxAge / 10_000), req.session.cookie.originalMaxAge]),
        },
        async ({ browser, raw, get }) => {
          const [line] = await raw('remember');
          browser.cookie = line.split(';')[0];
          return [lifeOf(line), await get('left')];
        },
      ),
  },
  'req.session.cookie.expires = false': {
    see: (make) =>
      visit(
        make({ cookie: { maxAge: 600_000 } }),
        {
          forget(req, res) {
            req.session.visits = 1;
            req.session.cookie.expires = false;
            res.json('short');
          },
        },
        async ({ raw }) => lifeOf((await raw('forget'))[0]),
      ),
  },
  'req.sessionStore.get': {
    see: (make) =>
      visit(
        make({}),
        {
          begin,
          stored: (req, res) => req.sessionStore.get(req.sessionID, (err, data) => res.json(err ?? data.visits)),
        },
        async ({ get }) => [await get('begin'), await get('stored')],
      ),
  },
  'req.sessionStore.all, .clear, .length': {
    see: (make) =>
      visit(
        make({}),
        { begin, all: (req, res) => req.sessionStore.all((err, all) => res.json(err ? 'refused' : all.length > 0)) },
        async ({ get }) => [await get('begin'), await get('all')],
      ),
    why: 'refused: they read every key of Redis; `listSessions` lists those of one user',
  },
};
