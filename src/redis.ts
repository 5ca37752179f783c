import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import type { Config } from './config.ts';
import type { Logger } from './logger.ts';
import {
  type Address,
  type ClusterClient,
  followCluster,
  followPrimary,
  type PrimaryClient,
  redisOptions,
} from './sessions/index.ts';

export type Redis = ReturnType<typeof createClient> | PrimaryClient | ClusterClient;

/**
 * Creates the client of one replica and starts to connect, without waiting: without Redis a replica still starts, answers
 * 503, and serves once Redis is up.
 *
 * The `plain` store gets node-redis as its README shows it. `durable` gets a client that fails at once while disconnected
 * (no offline queue) and never stops reconnecting; with sentinels, to the server that they name; of a Cluster, to all primaries.
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
    logger.info(serversOf(client), 'connected to Redis');
    isAway = false;
  });
  client.connect().catch((err) => logger.error({ err }, 'Redis: stopped connecting'));
  return client;
}

/** Which servers it is connected to, if that is not said by the settings. */
function serversOf(client: Redis): { primary?: string; primaries?: string[] } {
  if (isCluster(client)) return { primaries: [...client.primaries.keys()] };
  if (!('primary' in client && client.primary)) return {};
  return { primary: `${client.primary.host}:${client.primary.port}` };
}

/** Whether all sessions can be reached: of a Cluster, on all its servers. */
export const isRedisUp = (client: Redis): boolean => (isCluster(client) ? client.isComplete : client.isReady);

export const isCluster = (client: Redis): client is ClusterClient => 'isComplete' in client;

function createAnyClient(config: Config): Redis {
  const { redisUrl: url, redisSentinels: sentinels, redisMaster: name, redisCluster: nodes, store } = config;
  if (store === 'plain') return createClient({ url });
  // Of the URL only what holds for every server: TLS, user, password, database.
  const connectTo = (address: Address) => createClient({ url: urlAt(url, address), ...redisOptions });
  if (nodes) return followCluster({ nodes, connectTo });
  if (!sentinels) return createClient({ url, ...redisOptions });
  const { redisSentinelUrl = url.startsWith('rediss:') ? 'rediss://host' : 'redis://host' } = config;
  const connectToSentinel = (address: Address) =>
    createClient({ url: urlAt(redisSentinelUrl, address), ...redisOptions });
  return followPrimary({ name, sentinels, connectTo, connectToSentinel });
}

function urlAt(url: string, { host, port }: Address): string {
  const server = new URL(url);
  server.host = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return server.href;
}

function adviceOn({ message = '' }: Error): string {
  if (/no sentinel answers.*\b(WRONGPASS|NOAUTH|AUTH)\b/.test(message))
    return 'Redis: the sentinels want another user or password: correct REDIS_SENTINEL_URL, redis://user:password@host';
  if (/\b(WRONGPASS|NOAUTH|AUTH)\b/.test(message))
    return 'Redis wants another user or password: correct REDIS_URL, redis://user:password@host';
  if (/DB index/.test(message)) return 'Redis has no such database: correct the number at the end of REDIS_URL';
  if (/know no primary named/.test(message)) return 'Redis: correct REDIS_MASTER, the name that the sentinels know';
  if (/no sentinel answers/.test(message)) return 'Redis: correct REDIS_SENTINELS, host:port,host:port, or start them';
  if (/cluster support disabled/.test(message)) return 'Redis is no Cluster: set REDIS_URL instead of REDIS_CLUSTER';
  if (/no server of the Cluster.*NOPERM/.test(message))
    return 'Redis: give its user the rights +cluster|slots +cluster|nodes +asking';
  if (/no server of the Cluster answers/.test(message))
    return 'Redis: correct REDIS_CLUSTER, host:port,host:port, or start the servers';
  if (/has no server for/.test(message)) return 'Redis: give all slots of the Cluster a server';
  return 'Redis is unreachable: requests that need a session get 503 until it is back';
}

/** Closes the connection after the pending commands, which get 500 ms, or at once without Redis. */
export async function closeRedis(client: Redis): Promise<void> {
  if (client.isReady) await Promise.race([client.close(), sleep(500, undefined, { ref: false })]);
  if (client.isOpen) client.destroy();
}
