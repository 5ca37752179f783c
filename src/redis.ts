import { once } from 'node:events';
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
    if (!isAway) logger.error({ err }, 'Redis is unreachable: requests that need a session get 503 until it is back');
    isAway = true;
  });
  client.on('ready', () => {
    logger.info('connected to Redis');
    isAway = false;
  });
  client.connect().catch((err) => logger.error({ err }, 'Redis: stopped connecting'));
  return client;
}

/**
 * Resolves once it is known whether Redis is up, or after `ms`. A replica that accepted requests earlier would answer 503
 * to some without need.
 */
export async function firstContact(client: Redis, ms: number): Promise<void> {
  if (client.isReady) return;
  const signal = AbortSignal.timeout(ms);
  await Promise.race([once(client, 'ready', { signal }), once(client, 'error', { signal })]).catch(() => {});
}

/** Closes the connection after the pending commands, which get 500 ms, or at once without Redis. */
export async function closeRedis(client: Redis): Promise<void> {
  if (client.isReady) await Promise.race([client.close(), sleep(500, undefined, { ref: false })]);
  if (client.isOpen) client.destroy();
}
