// Express as its guides show it. SESSION: none, express-session (with connect-redis, as its README shows it),
// cookie-session, or layer (the session layer of this project in the same application).

import { RedisStore } from 'connect-redis';
import cookieSession from 'cookie-session';
import express from 'express';
import session from 'express-session';
import { connectRedis, host, port, secret } from './serve.js';

const middlewares = {
  none: async () => (req, _res, next) => {
    req.session = { user: { name: 'guest' } };
    next();
  },
  'express-session': async () =>
    session({
      store: new RedisStore({ client: await connectRedis() }),
      secret,
      resave: false,
      saveUninitialized: false,
    }),
  'cookie-session': async () => cookieSession({ secret }),
  async layer() {
    const { createSessions, redisOptions } = await import(process.env.SESSION_LAYER);
    return createSessions({ client: await connectRedis(redisOptions), secrets: [secret] });
  },
};

const app = express();
app.use(express.json());
app.use(await middlewares[process.env.SESSION]());
app.post('/login', (req, res) => {
  req.session.user = { id: req.body.name, name: req.body.name };
  res.json({ user: req.session.user });
});
app.get('/profile', (req, res) => {
  res.json({ user: req.session.user });
});
app.patch('/preferences', (req, res) => {
  req.session.preferences = { ...req.session.preferences, ...req.body };
  res.json(req.session.preferences);
});
app.get('/preferences', (req, res) => {
  res.json(req.session.preferences ?? {});
});
app.listen(port, host);
