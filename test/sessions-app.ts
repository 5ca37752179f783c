import { once } from 'node:events';
import { createServer } from 'node:http';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { destroyBaseline, renewBaseline, updateBaseline } from '../src/baseline/baseline.ts';
import * as durable from '../src/sessions/index.ts';
import { block } from './block.ts';

// An application as others would write it, with `durable` or `plain`, for the tests of the guarantees.

export const secret = 's'.repeat(32);
type Draft = Record<string, unknown>;
type Options = Omit<durable.SessionsOptions, 'client' | 'secrets'> & {
  secrets?: string[];
  /** plain with express-session's own cookie. */
  readme?: boolean;
};

export interface TestApp {
  url: string;
  /** Resolves once a request to `/…?gate=name` has arrived there; it continues when `open(name)` is called. */
  arrived(name: string): Promise<void>;
  open(name: string): void;
  close(): Promise<void>;
}

export async function startTestApp(
  kind: 'durable' | 'plain',
  redisUrl: string,
  options: Options = {},
): Promise<TestApp> {
  const { secrets = [secret], readme, ...sessionsOptions } = options;
  const client = createClient(kind === 'durable' ? { url: redisUrl, ...durable.redisOptions } : { url: redisUrl });
  client.on('error', () => {});
  await client.connect();
  const gates = createGates();
  const app = express();
  const plain = () => {
    const store = new RedisStore({ client, prefix: 'sess:' });
    const own = readme ? {} : { name: 'sid', cookie: { maxAge: 3_600_000 } };
    return session({ store, secret: secrets, resave: false, saveUninitialized: false, ...own });
  };
  const { listSessions, revokeSessions } = durable;
  const [updateSession, renewSession, destroySession] =
    kind === 'durable'
      ? [durable.updateSession, durable.renewSession, durable.destroySession]
      : [updateBaseline, renewBaseline, destroyBaseline];
  app.use(express.json(), kind === 'plain' ? plain() : durable.createSessions({ client, secrets, ...sessionsOptions }));
  app.use(async (req, _res, next) => {
    if (req.query.gate) await gates.pass(String(req.query.gate));
    next();
  });
  const attributes = (req: express.Request) => req.session as unknown as Draft;

  app.get('/', (req, res) => void res.json({ ...req.session, cookie: undefined }));
  // Plain code, unaware of this layer.
  app.post('/set', (req, res) => {
    Object.assign(attributes(req), req.body);
    res.status(201).json({ ok: true });
  });
  app.post('/count', (req, res) => {
    attributes(req).count = Number(attributes(req).count ?? 0) + 1;
    res.json({ count: attributes(req).count });
  });
  /** A list is held across a save() that is not awaited, and added to afterwards. */
  app.post('/held', (req, res) => {
    const session = attributes(req);
    session.held ??= [];
    const held = session.held as unknown[];
    req.session.save();
    held.push(req.body.item);
    res.json({ ok: true });
  });
  app.post('/seen', (req, res) => {
    attributes(req).seen = req.body.seen;
    res.json({ ok: true });
  });
  app.post('/remember', (req, res) => {
    req.session.cookie.maxAge = req.body.seconds * 1000;
    res.json({ ok: true });
  });
  // express-session's cookie computes it from the clock: a millisecond may be missing.
  app.get('/lifetime', (req, res) => {
    res.json({ maxAge: Math.round((req.session.cookie.originalMaxAge ?? 0) / 1000) });
  });
  app.post('/redirect', (req, res) => {
    Object.assign(attributes(req), req.body);
    res.redirect(303, '/');
  });
  app.post('/empty', (req, res) => {
    Object.assign(attributes(req), req.body);
    res.status(204).end();
  });
  app.post('/head', (req, res) => {
    Object.assign(attributes(req), req.body);
    res.writeHead(200, { 'Content-Type': 'text/plain' }).end('done');
  });
  app.post('/stream', (req, res) => {
    Object.assign(attributes(req), req.body);
    res.write('one,');
    setImmediate(() => res.end('two'));
  });
  app.post('/remove', (req, res) => {
    delete attributes(req)[req.body.name];
    res.json({ ok: true });
  });
  // Code that uses it.
  app.post('/push', async (req, res) => {
    const list = await updateSession(req, (draft) => {
      const mine = draft as Draft;
      mine.list = [...((mine.list as unknown[]) ?? []), req.body.item];
      return mine.list;
    });
    if (req.query.after) await gates.pass(String(req.query.after));
    res.status(201).json({ list });
  });
  // The process is blocked while the change is made for the first time.
  app.post('/stand-still', async (req, res) => {
    let hasStood = false;
    const list = await updateSession(req, (draft) => {
      if (!hasStood) block(600);
      hasStood = true;
      const mine = draft as Draft;
      mine.list = [...((mine.list as unknown[]) ?? []), req.body.item];
      return mine.list;
    });
    res.status(201).json({ list });
  });
  app.post('/mixed', async (req, res) => {
    const [one, two] = ['one', 'two'].map((name) => (draft: object) => {
      const mine = draft as Draft;
      mine[name] = Number(mine[name] ?? 0) + 1;
      return mine[name];
    });
    attributes(req).before = Number(attributes(req).before ?? 0) + 1;
    const results = [await updateSession(req, one as () => unknown), await updateSession(req, two as () => unknown)];
    attributes(req).after = Number(attributes(req).after ?? 0) + 1;
    res.json({ results });
  });
  app.post('/once', async (req, res) => {
    const items = await updateSession(req, (draft) => {
      const mine = draft as Draft;
      if (mine.done) throw Object.assign(new Error('it is done already'), { status: 422 });
      mine.done = true;
      return ['done'];
    });
    res.status(201).json({ items });
  });
  app.post('/saved', (req, res, next) => {
    attributes(req).count = Number(attributes(req).count ?? 0) + 1;
    req.session.save((err) => (err ? next(err) : void res.json({ ok: true })));
  });
  app.post('/before', async (req, res) => {
    Object.assign(attributes(req), { before: true });
    await updateSession(req, (draft) => void Object.assign(draft, req.body));
    res.json({ ok: true });
  });
  app.post('/wrong', (req, res) => {
    const wrong: Record<string, () => unknown> = {
      end: () => res.end(42 as never),
      write: () => res.write(42 as never),
      status: () => Object.assign(res, { statusCode: 42 }).end('x'),
      twice: () => res.end('one').end('two'),
      later: () => updateSession(req, async () => {}),
    };
    Object.assign(attributes(req), { wrong: req.body.how });
    return wrong[req.body.how]?.();
  });
  app.post('/login-and-more', async (req, res) => {
    await renewSession(req, (draft) => void Object.assign(draft, { user: { id: req.body.name } }));
    Object.assign(attributes(req), req.body.more);
    res.json({ ok: true });
  });
  app.post('/bad', (req, res) => {
    Object.assign(attributes(req), req.body);
    res.status(400).json({ code: 'bad' });
  });
  app.post('/login', async (req, res) => {
    const user = { id: req.body.name };
    await renewSession(req, (draft) => void Object.assign(draft, { user }));
    res.json({ user });
  });
  app.post('/logout', async (req, res) => {
    await destroySession(req, res);
    res.status(204).end();
  });
  app.post('/fresh', (req, res) => {
    durable.requireFresh(req, req.body.seconds);
    res.json({ ok: true });
  });
  app.get('/me', (req, res) => {
    if (!attributes(req).user) return void res.status(401).json({ user: null });
    res.json({ user: attributes(req).user });
  });
  app.get('/sessions', async (req, res) => void res.json(await listSessions(req, String(req.query.user))));
  app.delete('/sessions', async (req, res) => {
    res.json({ ended: await revokeSessions(req, String(req.query.user), req.query.handle as string | undefined) });
  });
  app.delete('/user', async (req, res) => void res.json(await durable.eraseSessions(req, String(req.query.user))));
  app.use(
    (
      err: Error & { status?: number; code?: string; headers?: object },
      _req: express.Request,
      res: express.Response,
      next: express.NextFunction,
    ) => {
      if (res.headersSent) return next(err);
      res
        .status(err.status ?? 500)
        .set(err.headers ?? {})
        .json({ code: err.code, message: err.message });
    },
  );

  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    arrived: gates.arrived,
    open: gates.open,
    async close() {
      server.closeAllConnections();
      server.close();
      client.destroy();
    },
  };
}

/** Points at which requests wait until a test lets them continue: interleavings by condition, not by time. */
function createGates() {
  const gates = new Map<string, { arrived: PromiseWithResolvers<void>; opened: PromiseWithResolvers<void> }>();
  const gate = (name: string) => {
    const found = gates.get(name) ?? { arrived: Promise.withResolvers<void>(), opened: Promise.withResolvers<void>() };
    gates.set(name, found);
    return found;
  };
  return {
    async pass(name: string) {
      gate(name).arrived.resolve();
      await gate(name).opened.promise;
    },
    arrived: (name: string) => gate(name).arrived.promise,
    open: (name: string) => gate(name).opened.resolve(),
  };
}
