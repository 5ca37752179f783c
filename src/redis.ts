import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import type { Config } from './config.ts';
import type { Logger } from './logger.ts';
import { redisOptions } from './sessions/index.ts';

export type Redis = ReturnType<typeof createRedis>;

/**
 * Creates the client of one replica and starts to connect, without waiting: without Redis a replica still starts, answers
 * 503, and serves once Redis is up.
 *
 * The `plain` store gets node-redis as its README shows it. `durable` gets a client that fails at once while disconnected
 * (no offline queue) and never stops reconnecting.
 */
export function createRedis({ redisUrl: url, store }: Config, logger: Logger) {
  const client = createClient(store === 'plain' ? { url } : { url, ...redisOptions });
  // node-redis reports each failed attempt to connect: one line per outage is enough. Without a listener it would throw.
  let isAway = false;
  client.on('error', (err) => {
    if (!isAway) logger.error({ err }, adviceOn(err));
    isAway = true;
  });
  client.on('ready', () => {
    logger.info('connected to Redis');
    isAway = false;
  });
  client.connect().catch((err) => logger.error({ err }, 'Redis: stopped connecting'));
  return client;
}

function adviceOn({ message = '' }: Error): string {
  if (/^(WRONGPASS|NOAUTH)\b|\bAUTH\b/.test(message))
    return 'Redis wants another user or password: correct REDIS_URL, redis://user:password@host';
  if (/DB index/.test(message)) return 'Redis has no such database: correct the number at the end of REDIS_URL';
  return 'Redis is unreachable: requests that need a session get 503 until it is back';
}

/** Closes the connection after the pending commands, which get 500 ms, or at once without Redis. */
export async function closeRedis(client: Redis): Promise<void> {
  if (client.isReady) await Promise.race([client.close(), sleep(500, undefined, { ref: false })]);
  if (client.isOpen) client.destroy();
}
