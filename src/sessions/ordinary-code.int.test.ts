import { once } from 'node:events';
import { createServer, type IncomingMessage, request, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import compression from 'compression';
import { RedisStore } from 'connect-redis';
import express, { type Express, type RequestHandler } from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import responseTime from 'response-time';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../../test/replica.ts';
import { createSessions, redisOptions, updateSession } from './index.ts';

// Code as people write it for express-session, over express-session with connect-redis and over this layer: the result must
// be the same, or better where express-session loses something.

let redis: TestRedis;
let client: ReturnType<typeof connect>;
beforeAll(async () => {
  redis = await startTestRedis();
  client = connect();
  client.on('error', () => {});
  await client.connect();
});
afterAll(async () => {
  client.destroy();
  await redis.stop();
});

const connect = () => createClient({ url: redis.url, ...redisOptions });
const secret = 's'.repeat(32);
const kinds = ['plain', 'durable'] as const;
type Kind = (typeof kinds)[number];

function middlewareOf(kind: Kind, idleSeconds = 3600): RequestHandler {
  if (kind === 'durable') return createSessions({ client, idleSeconds, secrets: [secret] });
  const store = new RedisStore({ client, prefix: 'plain:' });
  const cookie = { maxAge: idleSeconds * 1000 };
  return session({ store, secret, resave: false, saveUninitialized: false, name: 'sid', cookie });
}

interface Setup {
  before?: RequestHandler[];
  behind?: RequestHandler[];
  idleSeconds?: number;
}

/** Starts an application. @returns a function that sends a request, with the cookie of the last response */
async function start(
  kind: Kind,
  routes: (app: Express) => void,
  { before = [], behind = [], idleSeconds }: Setup = {},
) {
  const app = express();
  app.use(express.json(), ...before, middlewareOf(kind, idleSeconds), ...behind);
  app.get('/session', (req, res) => void res.json({ ...req.session, cookie: undefined }));
  app.post('/begin', (req, res) => {
    Object.assign(req.session, req.body);
    res.json({ begun: true });
  });
  routes(app);
  app.use(((err, _req, res, next) => {
    if (res.headersSent) return next(err);
    res.status(err.status ?? 500).json({ error: err.message });
  }) as express.ErrorRequestHandler);
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  let cookie = '';
  const send = async (method: string, path: string, body?: object) => {
    const answer = await exchange(port, method, path, cookie, body);
    cookie = answer.cookie || cookie;
    return answer;
  };
  return { send, stored: async () => JSON.parse((await send('GET', '/session')).body), port };
}

interface Answer {
  status: number | undefined;
  headers: IncomingMessage['headers'];
  body: string;
  cookie: string;
  /** The response was complete; else its connection was broken. */
  complete: boolean;
}

/** One request on a connection of its own. @throws {Error} if there is no end within 3 s */
function exchange(port: number, method: string, path: string, cookie: string, body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', ...(cookie && { cookie }) };
    const sent = request({ port, host: '127.0.0.1', method, path, headers, agent: false }, (res) => {
      const chunks: Buffer[] = [];
      const done = () => {
        const given = (res.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
        const text = Buffer.concat(chunks).toString('latin1');
        resolve({ status: res.statusCode, headers: res.headers, body: text, cookie: given, complete: res.complete });
      };
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('end', done).on('error', done);
    });
    sent.setTimeout(3000, () => sent.destroy(new Error('no end within 3 s')));
    sent.on('error', reject);
    sent.end(body && JSON.stringify(body));
  });
}

describe.each(kinds)('%s', (kind) => {
  describe('what comes after the answer does not change it', () => {
    test.each(['GET', 'POST'])('a second answer (%s)', async (method) => {
      const { send } = await start(kind, (app) => {
        app.all('/x', (req, res) => {
          if (req.method === 'POST') Object.assign(req.session, { n: 1 });
          res.json({ first: 'a long one' });
          try {
            res.status(500).json({ error: 'further down' });
          } catch {}
        });
      });
      expect(await send(method, '/x')).toMatchObject({ status: 200, body: '{"first":"a long one"}', complete: true });
    });

    test('a redirect without return, and a 404 handler that looks at headersSent', async () => {
      const { send } = await start(kind, (app) => {
        app.post('/x', (req, res, next) => {
          Object.assign(req.session, { n: 1 });
          res.redirect('/there');
          next();
        });
        app.use((_req, res) => {
          if (!res.headersSent) res.status(404).send('nothing here');
        });
      });
      expect(await send('POST', '/x')).toMatchObject({ status: 302, headers: { location: '/there' } });
    });

    test('headersSent and writableEnded are true at once, and a header is refused', async () => {
      const seen: unknown[] = [];
      const { send } = await start(kind, (app) => {
        app.post('/x', (req, res) => {
          Object.assign(req.session, { n: 1 });
          res.json({ ok: 1 });
          seen.push(res.headersSent, res.writableEnded);
          try {
            res.set('X-Late', 'yes');
          } catch (err) {
            seen.push((err as { code?: string }).code);
          }
        });
      });
      expect((await send('POST', '/x')).headers).not.toHaveProperty('x-late');
      expect(seen).toEqual([true, kind === 'durable', 'ERR_HTTP_HEADERS_SENT']); // express-session ends the body later
    });

    test('an error in a stream that has begun breaks it off', async () => {
      const { send } = await start(kind, (app) => {
        app.get('/x', (_req, res) => {
          res.type('text').write('first part;');
          throw new Error('in the middle');
        });
      });
      const answer = await send('GET', '/x').catch((err: NodeJS.ErrnoException) => err.code);
      expect(answer).not.toMatchObject({ complete: true });
    });
  });

  describe('objects that a handler holds', () => {
    test('a list that is added to after save()', async () => {
      const { send, stored } = await start(kind, (app) => {
        app.post('/x', (req, res) => {
          const list = ['a'];
          Object.assign(req.session, { list });
          req.session.save(() => {
            list.push('b');
            res.json({ list });
          });
        });
      });
      expect((await send('POST', '/x')).body).toBe('{"list":["a","b"]}');
      expect(await stored()).toEqual({ list: ['a', 'b'] });
    });

    test('what is set while a save is under way', async () => {
      const { send, stored } = await start(kind, (app) => {
        app.post('/x', (req, res) => {
          Object.assign(req.session, { a: 4 });
          req.session.save(() => res.json({ ok: true }));
          Object.assign(req.session, { d: 4 });
        });
      });
      await send('POST', '/begin', { a: 1 });
      expect((await send('POST', '/x')).status).toBe(200);
      expect(await stored()).toEqual({ a: 4, d: 4 });
    });

    test('a Date remains one after save()', async () => {
      const { send } = await start(kind, (app) => {
        app.post('/x', (req, res) => {
          Object.assign(req.session, { when: new Date(0) });
          const { when } = req.session as unknown as { when: Date };
          req.session.save(() =>
            res.json({ year: (req.session as unknown as { when: Date }).when.getUTCFullYear(), when }),
          );
        });
      });
      expect((await send('POST', '/x')).body).toMatch('"year":1970');
    });

    test('a save() that is not awaited is no conflict', async () => {
      const { send, stored } = await start(kind, (app) => {
        app.post('/x', (req, res) => {
          Object.assign(req.session, req.body);
          req.session.save();
          Object.assign(req.session, { b: 2 });
          res.json({ ok: true });
        });
      });
      expect((await send('POST', '/x', { a: 1 })).status).toBe(200);
      expect((await send('POST', '/x', { a: 3 })).status).toBe(200);
      expect(await stored()).toEqual({ a: 3, b: 2 });
    });
  });

  describe('middleware that wraps the answer', () => {
    const long = { text: 'x'.repeat(5000) };
    const routes = (app: Express) => {
      app.post('/x', (req, res) => {
        Object.assign(req.session, { n: Number((req.session as { n?: number }).n ?? 0) + 1 });
        res.json(long);
      });
    };

    test.each(['before', 'behind'] as const)('compression %s the sessions', async (where) => {
      const { send, stored } = await start(kind, routes, { [where]: [compression()] });
      for (let n = 1; n <= 2; n++) {
        const { status, body, complete } = await send('POST', '/x');
        expect({ status, complete, body }).toEqual({ status: 200, complete: true, body: JSON.stringify(long) });
        expect(await stored()).toEqual({ n });
      }
    });

    test.each(['before', 'behind'] as const)('response-time %s the sessions', async (where) => {
      const { send } = await start(kind, routes, { [where]: [responseTime()] });
      expect((await send('POST', '/x')).headers['x-response-time']).toMatch(/ms$/);
    });

    test('a counter around end() counts once', async () => {
      let ended = 0;
      const count: RequestHandler = (_req, res, next) => {
        const { end } = res;
        res.end = function counting(...args: unknown[]) {
          ended += 1;
          return Reflect.apply(end, res, args);
        } as typeof end;
        next();
      };
      const { send } = await start(kind, routes, { behind: [count] });
      expect((await send('POST', '/x')).status).toBe(200);
      expect(ended).toBe(1);
    });
  });

  test('writeHead with lists of headers', async () => {
    const { send } = await start(kind, (app) => {
      app.get('/flat', (_req, res) => void res.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('x'));
      app.get(
        '/lists',
        (_req, res) => void res.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'], 'X-Other': '1' }).end('x'),
      );
    });
    expect((await send('GET', '/flat')).cookie).toBe('a=1; b=2');
    expect((await send('GET', '/lists')).cookie).toBe('a=1; b=2');
  });

  test('a stream that lasts beyond the half of the cookie’s life, and one whose session ends meanwhile', async () => {
    const { send } = await start(
      kind,
      (app) => {
        app.get('/stream', (req, res) => {
          res.type('text').write('one,');
          const isShort = req.query.short !== undefined;
          setTimeout(() => res.end('two'), isShort ? 100 : 1500);
        });
      },
      { idleSeconds: 1 },
    );
    await send('POST', '/begin', { a: 1 });
    expect(await send('GET', '/stream?short')).toMatchObject({ body: 'one,two', complete: true });
    expect(await send('GET', '/stream')).toMatchObject({ body: 'one,two', complete: true });
  });
});

describe('durable', () => {
  test('an error thrown after the answer does not change it, where express-session breaks it off', async () => {
    const { send } = await start('durable', (app) => {
      app.post('/x', async (req, res) => {
        Object.assign(req.session, { n: 1 });
        res.json({ ok: 1 });
        throw new Error('late');
      });
    });
    expect(await send('POST', '/x')).toMatchObject({ status: 200, body: '{"ok":1}' });
  });

  test('objects that are held across updateSession', async () => {
    const { send, stored } = await start('durable', (app) => {
      app.post('/x', async (req, res) => {
        const { prefs } = req.session as unknown as { prefs: Record<string, number> };
        const update = updateSession(req, (draft) => void Object.assign(draft, { n: 1 }));
        Object.assign(req.session, { meanwhile: 2 });
        await update;
        prefs.b = 2;
        res.json({});
      });
    });
    await send('POST', '/begin', { prefs: { a: 1 } });
    expect((await send('POST', '/x')).status).toBe(200);
    expect(await stored()).toEqual({ prefs: { a: 1, b: 2 }, n: 1, meanwhile: 2 });
  });

  test('a foreign cookie of the same name before ours does no harm', async () => {
    const { send, port } = await start('durable', () => {});
    const { cookie } = await send('POST', '/begin', { a: 1 });
    for (const foreign of ['sid=abc', 'sid=s%3Aabc.def', 'sid=""']) {
      expect((await exchange(port, 'GET', '/session', `${foreign}; ${cookie}`)).body).toBe('{"a":1}');
    }
  });

  test('bare http, without Express; and a WebSocket upgrade, whose response is {}', async () => {
    const sessions = middlewareOf('durable') as unknown as (
      req: object,
      res: object,
      next: (err?: unknown) => void,
    ) => void;
    const server = createServer((req, res) => {
      sessions(req, res, (err) => {
        const { session } = req as unknown as { session: { visits?: number } };
        session.visits = (session.visits ?? 0) + 1;
        res.end(err ? String(err) : JSON.stringify({ visits: session.visits }));
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { body, cookie } = await exchange(port, 'GET', '/', '');
    expect(body).toBe('{"visits":1}');
    expect((await exchange(port, 'GET', '/', cookie)).body).toBe('{"visits":2}');
    for (const upgrade of [() => ({}), (req: IncomingMessage) => new ServerResponse(req)]) {
      const req = Object.assign(Object.create(ServerResponse.prototype), {}) && {
        headers: { cookie },
        method: 'GET',
        url: '/',
        socket: {},
      };
      await new Promise<void>((resolve, reject) =>
        sessions(req, upgrade(req as unknown as IncomingMessage), (err) => (err ? reject(err) : resolve())),
      );
      const { session } = req as unknown as { session: { visits: number; save(done: (err?: unknown) => void): void } };
      expect(session.visits).toBeGreaterThanOrEqual(2);
      session.visits += 1;
      await new Promise<void>((resolve, reject) => session.save((err) => (err ? reject(err) : resolve())));
    }
    expect((await exchange(port, 'GET', '/', cookie)).body).toBe('{"visits":5}');
  });

  const circular: Record<string, unknown> = {};
  circular.self = circular;
  test.each<[string, (session: session.Session & Partial<session.SessionData>) => unknown, RegExp]>([
    ['a circle', (session) => Object.assign(session, { circular }), /circular/],
    ['a bigint', (session) => Object.assign(session, { big: 1n }), /BigInt/],
    ['an invalid cookie', (session) => Object.assign(session, { cookie: {} }), /an attribute named/],
    ['an invalid path', ({ cookie }) => Object.assign(cookie, { path: '/;x' }), /cookie: .*path is invalid/],
    ['an invalid date', ({ cookie }) => Object.assign(cookie, { expires: 'x' }), /cookie: .*expires is invalid/],
    ['an invalid sameSite', ({ cookie }) => Object.assign(cookie, { sameSite: 'x' }), /cookie: .*sameSite is invalid/],
  ])(
    '%s in the session goes to the error handlers, and nothing of the request is stored',
    async (_, spoil, message) => {
      const { send, stored } = await start('durable', (app) => {
        app.post('/later', (req, res) => {
          setImmediate(() => {
            Object.assign(req.session, { n: 1 });
            spoil(req.session);
            res.json({ ok: true });
          });
        });
        app.post('/stream', (req, res) => {
          res.write('one');
          setImmediate(() => {
            spoil(req.session);
            res.end('two');
          });
        });
      });
      await send('POST', '/begin', { a: 1 });
      for (let time = 0; time < 2; time++) {
        const { status, body } = await send('POST', '/later');
        expect({ status, body }).toEqual({
          status: expect.toSatisfy((code) => code >= 422),
          body: expect.stringMatching(message),
        });
        expect(await send('POST', '/stream')).toMatchObject({ body: 'one', complete: false });
        expect(await stored()).toEqual({ a: 1 });
      }
    },
  );

  test('the session of another layer, for another path, leaves the others alone', async () => {
    const app = express();
    app.use(createSessions({ client, secrets: [secret], prefix: 'admin:', name: 'admin', cookie: { path: '/admin' } }));
    app.use('/mounted', createSessions({ client, secrets: [secret], cookie: { path: '/mounted/in' }, name: 'in' }));
    app.use(createSessions({ client, secrets: [secret] }));
    app.use((req, res) => {
      Object.assign(req.session, { n: 1 });
      res.end();
    });
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const nameAt = async (path: string) => (await exchange(port, 'GET', path, '')).cookie.split('=')[0];
    const paths = ['/', '/admin', '/admin/users?page=2', 'http://admin/', 'http://a/admin', '/mounted', '/mounted/in'];
    const names = ['sid', 'admin', 'admin', 'sid', 'admin', 'sid', 'in'];
    for (const [at, path] of paths.entries()) expect([path, await nameAt(path)]).toEqual([path, names[at]]);
  });

  test('what shows something else whenever it is looked at holds no response for ever', async () => {
    let looks = 0;
    const { send } = await start('durable', (app) => {
      app.post('/x', (req, res) => {
        Object.assign(req.session, { moving: { toJSON: () => ++looks } });
        res.json({ ok: true });
      });
    });
    expect(await send('POST', '/x', {})).toMatchObject({ status: 200, body: '{"ok":true}' });
  });

  test('twenty pipelined requests are answered in their order', async () => {
    const { port, send } = await start('durable', (app) => {
      app.post('/x', (req, res) => {
        Object.assign(req.session, { [`n${req.query.n}`]: 1 });
        res.json({ n: req.query.n });
      });
    });
    const { cookie } = await send('POST', '/begin', { a: 1 });
    const { connect } = await import('node:net');
    const socket = connect(port, '127.0.0.1');
    const text = Array.from(
      { length: 20 },
      (_, n) =>
        `POST /x?n=${n} HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\nContent-Length: 0\r\nConnection: ${n < 19 ? 'keep-alive' : 'close'}\r\n\r\n`,
    );
    socket.write(text.join(''));
    let received = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      received += chunk;
    });
    await once(socket, 'close');
    expect([...received.matchAll(/\{"n":"(\d+)"\}/g)].map(([, n]) => Number(n))).toEqual(
      Array.from({ length: 20 }, (_, n) => n),
    );
    expect(received.match(/HTTP\/1.1 200/g)).toHaveLength(20);
  });
});
