import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import type { Config } from './config.ts';
import type { Logger } from './logger.ts';
import { type Address, followPrimary, type PrimaryClient, redisOptions } from './sessions/index.ts';

export type Redis = ReturnType<typeof createClient> | PrimaryClient;

/**
 * Creates the client of one replica and starts to connect, without waiting: without Redis a replica still starts, answers
 * 503, and serves once Redis is up.
 *
 * The `plain` store gets node-redis as its README shows it. `durable` gets a client that fails at once while disconnected
 * (no offline queue) and never stops reconnecting; with sentinels, to the server that they name.
 */
export function createRedis(config: Config, logger: Logger): Redis {
  const client = createAnyClient(config);
  // node-redis reports each failed attempt to connect: one line per outage is enough. Without a listener it would throw.
  let isAway = false;
  client.on('error', (err) => {
    if (!isAway) logger.error({ err }, adviceOn(err));
    isAway = true;
  });
  client.on('ready', () => {
    const { host, port } = ('primary' in client && client.primary) || {};
    logger.info(host === undefined ? {} : { primary: `${host}:${port}` }, 'connected to Redis');
    isAway = false;
  });
  client.connect().catch((err) => logger.error({ err }, 'Redis: stopped connecting'));
  return client;
}

function createAnyClient({ redisUrl: url, redisSentinels: sentinels, redisMaster: name, store }: Config): Redis {
  if (store === 'plain') return createClient({ url });
  if (!sentinels) return createClient({ url, ...redisOptions });
  // Of the URL only what holds for every server: TLS, user, password, database.
  const connectTo = ({ host, port }: Address) => {
    const server = new URL(url);
    server.host = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    return createClient({ url: server.href, ...redisOptions });
  };
  const connectToSentinel = ({ host, port }: Address) => {
    const tls = url.startsWith('rediss:') ? { tls: true as const } : {};
    return createClient({ ...redisOptions, socket: { ...redisOptions.socket, host, port, ...tls } });
  };
  return followPrimary({ name, sentinels, connectTo, connectToSentinel });
}

function adviceOn({ message = '' }: Error): string {
  if (/^(WRONGPASS|NOAUTH)\b|\bAUTH\b/.test(message))
    return 'Redis wants another user or password: correct REDIS_URL, redis://user:password@host';
  if (/DB index/.test(message)) return 'Redis has no such database: correct the number at the end of REDIS_URL';
  if (/know no primary named/.test(message)) return 'Redis: correct REDIS_MASTER, the name that the sentinels know';
  if (/no sentinel answers/.test(message)) return 'Redis: correct REDIS_SENTINELS, host:port,host:port, or start them';
  return 'Redis is unreachable: requests that need a session get 503 until it is back';
}

/** Closes the connection after the pending commands, which get 500 ms, or at once without Redis. */
export async function closeRedis(client: Redis): Promise<void> {
  if (client.isReady) await Promise.race([client.close(), sleep(500, undefined, { ref: false })]);
  if (client.isOpen) client.destroy();
}
