import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { expect, test } from 'vitest';
import { createSessions } from '../../src/sessions/index.ts';
import { adapters } from './adapters.js';
import { companions } from './companions.js';
import { useRedis } from './redis.js';

// Each companion once over express-session with connect-redis and once over this layer: a visitor sees the same.

const redis = useRedis();
const secret = 's'.repeat(32);

test.each(Object.entries({ ...companions, ...adapters }))('%s', async (_name, run) => {
  const store = new RedisStore({ client: redis.client, prefix: 'plain:' });
  const plain = session({ store, secret, resave: false, saveUninitialized: false });
  const layer = createSessions({ client: redis.client, secrets: [secret] });
  const expected = await run(plain);
  expect(JSON.stringify(expected)).toMatch(/\d/); // it has seen something
  expect(await run(layer)).toEqual(expected);
});
