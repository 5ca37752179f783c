import 'reflect-metadata';
import { once } from 'node:events';
import { Controller, Get, Module, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import compression from 'compression';
import flash from 'connect-flash';
import timeout from 'connect-timeout';
import { csrfSync } from 'csrf-sync';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import express4 from 'express4';
import { createProxyMiddleware } from 'http-proxy-middleware';
import morgan from 'morgan';
import multer from 'multer';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';
import { Server as SocketServer } from 'socket.io';
import { io } from 'socket.io-client';
import { WebSocket, WebSocketServer } from 'ws';
import { createBrowser } from './browser.js';
import { serve, withApp } from './serve.js';

// Packages that people use together with sessions, each as its README shows it. A companion gets the session middleware,
// drives its application as a visitor would, and returns what the visitor saw: the same with any sessions.

const count = ({ session }) => {
  session.count = (session.count ?? 0) + 1;
  return session.count;
};

/** passport with passport-local and connect-flash: a refused login, a login, a restart of the id, a logout. */
const passportWith = (framework) =>
  async function passport(sessions) {
    const auth = new Passport();
    auth.use(
      new Strategy((name, password, done) =>
        password === 'right' ? done(null, { name }) : done(null, false, { message: 'wrong password' }),
      ),
    );
    auth.serializeUser((user, done) => done(null, user.name));
    auth.deserializeUser((name, done) => done(null, { name }));
    const app = framework();
    app.use(framework.urlencoded({ extended: false }), sessions, flash(), auth.initialize(), auth.session());
    app.post(
      '/login',
      auth.authenticate('local', {
        failureRedirect: '/failed',
        failureFlash: true,
        successRedirect: '/',
        keepSessionInfo: true,
      }),
    );
    app.get('/', (req, res) => res.json({ user: req.user ?? null, count: count(req) }));
    app.get('/failed', (req, res) => res.json(req.flash('error')));
    app.post('/logout', (req, res, next) => req.logout((err) => (err ? next(err) : res.redirect('/'))));
    return withApp(app, async (browser) => {
      const seen = [await browser.get('/'), await browser.form('/login', { username: 'ada', password: 'no' })];
      seen.push(await browser.get('/failed'), await browser.get('/failed'));
      const before = browser.cookie;
      seen.push(await browser.form('/login', { username: 'ada', password: 'right' }), await browser.get('/'));
      seen.push({ idChanged: browser.cookie !== before });
      const loggedIn = browser.cookie;
      seen.push(await browser.form('/logout', {}), await browser.get('/'));
      browser.cookie = loggedIn;
      seen.push({ old: (await browser.get('/')).body.user });
      return seen;
    });
  };

async function csrf(sessions) {
  const { csrfSynchronisedProtection, generateToken } = csrfSync();
  const app = express();
  app.use(sessions);
  app.get('/token', (req, res) => res.send(generateToken(req)));
  app.post('/x', csrfSynchronisedProtection, (_req, res) => res.send('changed'));
  app.use((err, _req, res, _next) => res.status(err.status ?? 500).send(err.code ?? 'error'));
  return withApp(app, async (browser) => {
    const token = (await browser.get('/token')).body;
    const send = (headers) => browser.send('POST', '/x', { headers });
    return [await send({}), await send({ 'x-csrf-token': token }), await send({ 'x-csrf-token': 'other' })];
  });
}

async function rateLimitBySession(sessions) {
  const app = express();
  app.use(sessions);
  app.get('/start', (req, res) => res.json(count(req)));
  app.use(rateLimit({ windowMs: 60_000, limit: 2, keyGenerator: (req) => req.sessionID, legacyHeaders: false }));
  app.get('/x', (_req, res) => res.send('x'));
  return withApp(app, async (browser) => {
    await browser.get('/start');
    return [await browser.get('/x'), await browser.get('/x'), await browser.get('/x')];
  });
}

async function morganLog(sessions) {
  const lines = [];
  const app = express();
  app.use(morgan(':method :url :status :res[content-length]', { stream: { write: (line) => lines.push(line) } }));
  app.use(sessions);
  app.get('/x', (req, res) => res.json({ count: count(req) }));
  const seen = await withApp(app, async (browser) => [await browser.get('/x'), await browser.get('/x')]);
  return { seen, lines };
}

async function uploads(sessions) {
  const app = express();
  app.use(sessions);
  app.post('/upload', multer().single('file'), (req, res) => res.json({ bytes: req.file.size, count: count(req) }));
  return withApp(app, async (browser) => {
    const body = () => {
      const form = new FormData();
      form.set('file', new Blob(['x'.repeat(50_000)]), 'x.txt');
      return form;
    };
    return [
      await browser.send('POST', '/upload', { body: body() }),
      await browser.send('POST', '/upload', { body: body() }),
    ];
  });
}

async function proxy(sessions) {
  const backend = await serve((req, res) => {
    res.writeHead(200, { 'set-cookie': ['backend=1', 'other=2'] }).end(`${req.method} ${'x'.repeat(1e6)}`);
  });
  const app = express();
  app.use(sessions);
  app.use('/api', (req, _res, next) => {
    count(req);
    next();
  });
  app.use('/api', createProxyMiddleware({ target: `http://127.0.0.1:${backend.port}` }));
  app.get('/count', (req, res) => res.json({ count: req.session.count }));
  try {
    return await withApp(app, async (browser) => {
      const answers = [await browser.get('/api/x'), await browser.send('POST', '/api/x')];
      const bodies = answers.map(({ status, body }) => [status, body.length]);
      return [bodies, browser.cookie.includes('backend=1; other=2'), await browser.get('/count')];
    });
  } finally {
    backend.end();
  }
}

async function slowRoute(sessions) {
  const app = express();
  app.use(timeout('200ms'), sessions);
  app.get('/slow', (req, res) => {
    count(req);
    setTimeout(() => req.timedout || res.json({ late: true }), 400);
  });
  app.get('/fast', (req, res) => res.json({ count: count(req) }));
  app.use((err, _req, res, _next) => res.status(err.status ?? 500).json({ code: err.code }));
  return withApp(app, async (browser) => [await browser.get('/slow'), await browser.get('/fast')]);
}

const compressed = (where) =>
  async function compressionMiddleware(sessions) {
    const app = express();
    app.use(...(where === 'before' ? [compression(), sessions] : [sessions, compression()]));
    app.get('/json', (req, res) => res.json({ count: count(req), text: 'x'.repeat(5000) }));
    app.get('/stream', async (req, res) => {
      count(req);
      for (const part of ['one,', 'two,', 'three']) res.write(part.repeat(1000));
      res.end();
    });
    app.get('/file', (_req, res) => res.sendFile(import.meta.filename));
    return withApp(app, async (browser) => {
      const seen = [];
      for (const path of ['/json', '/stream', '/file', '/json']) seen.push(await browser.get(path));
      return seen;
    });
  };

const socketIo = (transports, use) =>
  async function socketServer(sessions) {
    const app = express();
    app.use(sessions);
    app.get('/', (req, res) => res.json({ count: count(req) }));
    app.get('/session', ({ session: { count, fromSocket } }, res) => res.json({ count, fromSocket }));
    return withApp(app, async (browser, server, port) => {
      const sockets = new SocketServer(server);
      if (use === 'engine') sockets.engine.use(sessions);
      else sockets.use((socket, next) => sessions(socket.request, {}, next));
      sockets.on('connection', ({ request }) => {
        const { session } = request;
        session.reload(() => {
          request.session.fromSocket = true;
          request.session.save(() => sockets.emit('count', request.session.count));
        });
      });
      await browser.get('/');
      const socket = io(`http://127.0.0.1:${port}`, { transports, extraHeaders: { cookie: browser.cookie } });
      try {
        const received = await new Promise((resolve, reject) => {
          socket.on('count', resolve).on('connect_error', reject);
          setTimeout(() => reject(new Error('no message within 3 s')), 3000).unref();
        });
        return { received, after: (await browser.get('/session')).body };
      } finally {
        socket.close();
        await sockets.close();
      }
    });
  };

/** As in the README of ws: the upgrade goes through the session middleware with `{}` for the response. */
async function webSocket(sessions) {
  const app = express();
  app.use(sessions);
  app.get('/', (req, res) => res.json({ count: count(req) }));
  return withApp(app, async (browser, server, port) => {
    const sockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (req, socket, head) => {
      sessions(req, {}, () => sockets.handleUpgrade(req, socket, head, (ws) => ws.send(String(req.session.count))));
    });
    await browser.get('/');
    const ws = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { cookie: browser.cookie } });
    const [message] = await once(ws, 'message');
    ws.terminate();
    return { message: String(message), after: await browser.get('/') };
  });
}

async function nest(sessions) {
  class Counter {
    read(req) {
      return { count: req.session.count ?? 0 };
    }
    add(req) {
      return { count: count(req) };
    }
  }
  const decorate = (name, decorator) => {
    Req()(Counter.prototype, name, 0);
    decorator(Counter.prototype, name, Object.getOwnPropertyDescriptor(Counter.prototype, name));
  };
  decorate('read', Get());
  decorate('add', Post());
  Controller('count')(Counter);
  class AppModule {}
  Module({ controllers: [Counter] })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: false });
  app.use(sessions);
  await app.listen(0, '127.0.0.1');
  try {
    const browser = createBrowser(app.getHttpServer().address().port);
    const seen = [];
    for (const method of ['GET', 'POST', 'POST', 'GET']) seen.push(await browser.send(method, '/count'));
    return seen;
  } finally {
    await app.close();
  }
}

/** Mounted twice, in the application and in a router; and two visitors at once. */
async function twice(sessions) {
  const app = express();
  app.use(sessions);
  app.use('/again', sessions, (req, res) => res.json({ count: count(req) }));
  app.get('/', (req, res) => res.json({ count: req.session.count ?? null }));
  return withApp(app, async (browser, _server, port) => {
    const other = createBrowser(port);
    return [await browser.get('/again'), await browser.get('/again'), await other.get('/'), await browser.get('/')];
  });
}

export const companions = {
  'passport, passport-local, connect-flash (Express 5)': passportWith(express),
  'passport, passport-local, connect-flash (Express 4)': passportWith(express4),
  'csrf-sync': csrf,
  'express-rate-limit by session': rateLimitBySession,
  morgan: morganLog,
  multer: uploads,
  'http-proxy-middleware': proxy,
  'connect-timeout': slowRoute,
  'compression before the sessions': compressed('before'),
  'compression behind the sessions': compressed('behind'),
  'Socket.IO, engine.use, polling': socketIo(['polling'], 'engine'),
  'Socket.IO, engine.use, WebSocket': socketIo(['websocket'], 'engine'),
  'Socket.IO, engine.use, polling, then WebSocket': socketIo(['polling', 'websocket'], 'engine'),
  'Socket.IO, io.use with {}': socketIo(['websocket'], 'handshake'),
  ws: webSocket,
  'NestJS 11': nest,
  'the middleware twice': twice,
};
