import { createClient } from 'redis';
import { afterAll, beforeAll } from 'vitest';
import { redisOptions } from '../../src/sessions/index.ts';
import { startTestRedis } from '../replica.ts';

/** A Redis for the tests of one file. @returns what has its `client` once they run */
export function useRedis() {
  const used = {};
  let redis;
  beforeAll(async () => {
    redis = await startTestRedis();
    used.client = createClient({ url: redis.url, ...redisOptions });
    used.client.on('error', () => {});
    await used.client.connect();
  });
  afterAll(async () => {
    used.client.destroy();
    await redis.stop();
  });
  return used;
}
