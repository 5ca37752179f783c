import { once } from 'node:events';
import { createServer } from 'node:http';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { createClient } from 'redis';
import { createSessions, redisOptions } from '../../src/sessions/index.ts';
import { createApp } from './app.js';

// Serves the application over express-session and over this layer, and prints their ports. For runtimes other than Node.

const { REDIS_URL: url, SECRET: secret } = process.env;
const client = createClient({ url, ...redisOptions });
client.on('error', () => {});
await client.connect();
const store = new RedisStore({ client, prefix: 'plain:' });
const plain = session({ store, secret, resave: false, saveUninitialized: false });
const ports = [];
for (const sessions of [plain, createSessions({ client, secrets: [secret] })]) {
  const server = createServer(createApp(sessions)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ports.push(server.address().port);
}
console.log(JSON.stringify({ ports }));
