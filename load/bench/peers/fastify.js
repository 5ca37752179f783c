// Fastify with @fastify/session. ROLLING=false: no session's life is extended by a read.

import cookie from '@fastify/cookie';
import session from '@fastify/session';
import { RedisStore } from 'connect-redis';
import fastify from 'fastify';
import { connectRedis, host, port, secret } from './serve.js';

const app = fastify();
await app.register(cookie);
await app.register(session, {
  store: new RedisStore({ client: await connectRedis() }),
  secret,
  saveUninitialized: false,
  cookie: { secure: false },
  rolling: process.env.ROLLING !== 'false',
});
app.post('/login', async (req) => {
  req.session.user = { id: req.body.name, name: req.body.name };
  return { user: req.session.user };
});
app.get('/profile', async (req) => ({ user: req.session.user }));
app.patch('/preferences', async (req) => {
  req.session.preferences = { ...req.session.preferences, ...req.body };
  return req.session.preferences;
});
app.get('/preferences', async (req) => req.session.preferences ?? {});
await app.listen({ port, host });
