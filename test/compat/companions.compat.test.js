import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { createClient } from 'redis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSessions, redisOptions } from '../../src/sessions/index.ts';
import { startTestRedis } from '../replica.ts';
import { companions } from './companions.js';

// Each companion once over express-session with connect-redis and once over this layer: a visitor sees the same.

let redis;
let client;
const secret = 's'.repeat(32);
beforeAll(async () => {
  redis = await startTestRedis();
  client = createClient({ url: redis.url, ...redisOptions });
  client.on('error', () => {});
  await client.connect();
});
afterAll(async () => {
  client.destroy();
  await redis.stop();
});

test.each(Object.entries(companions))('%s', async (_name, run) => {
  const store = new RedisStore({ client, prefix: 'plain:' });
  const plain = session({ store, secret, resave: false, saveUninitialized: false });
  const layer = createSessions({ client, secrets: [secret] });
  const expected = await run(plain);
  expect(JSON.stringify(expected)).toMatch(/\d/); // it has seen something
  expect(await run(layer)).toEqual(expected);
});
