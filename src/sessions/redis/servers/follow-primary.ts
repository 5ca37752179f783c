import { type Address, type Client, requireAddresses, type Subscriber } from '../client.ts';
import { PrimaryClient } from './primary.ts';
import { Sentinels } from './sentinels.ts';

export interface PrimaryOptions {
  /** The name under which the sentinels know the primary. */
  name: string;
  /** At least one, better all of them. */
  sentinels: Address[];
  /** Makes a client for a server, not yet connected: `createClient` with `redisOptions` and this address. */
  connectTo(address: Address): Subscriber;
  /** The same for a sentinel, if it has another user or password. */
  connectToSentinel?(address: Address): Client;
}

/**
 * A client of the primary that sentinels name, for `createSessions`. When the primary fails over it connects to the new one;
 * meanwhile commands fail at once, and none is ever sent twice: node-redis's own `createSentinel` sends a command again whose
 * connection broke, so that it may take effect on two servers.
 *
 * It emits `error` for each failed attempt to connect, and `ready` for each success.
 * @throws {TypeError} if an option is wrong
 * @example followPrimary({ name, sentinels, connectTo: ({ host, port }) =>
 *   createClient({ ...redisOptions, socket: { ...redisOptions.socket, host, port } }) })
 */
export function followPrimary(options: PrimaryOptions): PrimaryClient {
  const { name, sentinels, connectTo, connectToSentinel = connectTo } = options;
  if (typeof name !== 'string' || name === '') throw new TypeError('name must be the name of the primary');
  requireAddresses('sentinels', sentinels);
  if (typeof connectTo !== 'function') throw new TypeError('connectTo must be a function that makes a client');
  return new PrimaryClient(new Sentinels(name, sentinels, connectToSentinel), connectTo);
}
