import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import type { Config } from './config.ts';
import type { Logger } from './logger.ts';
import { redisOptions } from './sessions/index.ts';

export type Redis = ReturnType<typeof createRedis>;

/**
 * Builds the client of one replica and starts to connect, without waiting: a replica whose Redis is away comes up all
 * the same, answers 503, and serves once Redis is there.
 *
 * The `plain` store gets node-redis as its README shows it. The others get a client that answers at once while
 * disconnected (no offline queue) and never gives up reconnecting.
 */
export function createRedis({ redisUrl: url, store }: Config, logger: Logger) {
  const client = createClient(store === 'plain' ? { url } : { url, ...redisOptions });
  // node-redis reports each failed attempt to connect: one line an outage is enough. Without a listener it would throw.
  let away = false;
  client.on('error', (err) => {
    if (!away) logger.error({ err }, 'Redis is away: requests that need a session get 503 until it is back');
    away = true;
  });
  client.on('ready', () => {
    logger.info('Redis is there');
    away = false;
  });
  client.connect().catch((err) => logger.error({ err }, 'Redis: gave up connecting'));
  return client;
}

/**
 * Resolves once it is known whether Redis is there, at the latest after `ms`. A replica that took requests before that
 * would answer 503 to some for no reason.
 */
export async function firstContact(client: Redis, ms: number): Promise<void> {
  if (client.isReady) return;
  const signal = AbortSignal.timeout(ms);
  await Promise.race([once(client, 'ready', { signal }), once(client, 'error', { signal })]).catch(() => {});
}

/** Closes the connection after the commands under way, which get 500 ms, or at once where Redis is away. */
export async function closeRedis(client: Redis): Promise<void> {
  if (client.isReady) await Promise.race([client.close(), sleep(500, undefined, { ref: false })]);
  if (client.isOpen) client.destroy();
}
