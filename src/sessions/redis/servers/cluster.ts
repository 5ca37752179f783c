import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Address,
  type Client,
  ClientOfflineError,
  type Resolver,
  requireAddresses,
  type Subscriber,
} from '../client.ts';
import { ClusterConnections } from './cluster-connections.ts';
import { PrimaryClient } from './primary.ts';
import { addressOf, nameOf } from './topology.ts';

export interface ClusterOptions {
  /** Servers of the Cluster to begin with: at least one, better all of them. */
  nodes: Address[];
  /** Makes a client for a server, not yet connected: `createClient` with `redisOptions` and this address. */
  connectTo(address: Address): Subscriber;
}

const redirectionMs = 500;
const pollMs = 10;

/**
 * A client of a Cluster, for `createSessions`: one connection to each primary, and what is needed to follow slots and failovers.
 * Commands for a server that is away fail at once, and none is sent again whose connection broke.
 *
 * node-redis's `createCluster` (6.3.1) is not enough: it does not connect as long as one server hangs, it looks for a successor only
 * five seconds after a connection broke, and `WAIT` must follow a write on the connection of that very write.
 *
 * It emits `error` for each failed attempt to connect, and `ready` when all slots can be reached, for the first time or again.
 * @throws {TypeError} if an option is wrong
 * @example followCluster({ nodes: [{ host: 'redis-1', port: 6379 }], connectTo: ({ host, port }) =>
 *   createClient({ ...redisOptions, socket: { ...redisOptions.socket, host, port } }) })
 */
export function followCluster({ nodes, connectTo }: ClusterOptions): ClusterClient {
  requireAddresses('nodes', nodes);
  if (typeof connectTo !== 'function') throw new TypeError('connectTo must be a function that makes a client');
  return new ClusterClient(new ClusterConnections(nodes, connectTo), connectTo);
}

type Events = Record<'connect' | 'ready' | 'reconnecting' | 'end', []> & { error: [Error] };

export class ClusterClient extends EventEmitter<Events> implements Client {
  /** @internal */
  readonly cluster: ClusterConnections;
  readonly #connectTo: (address: Address) => Subscriber;

  /** @internal */
  constructor(servers: ClusterConnections, connectTo: (address: Address) => Subscriber) {
    super();
    this.cluster = servers;
    this.#connectTo = connectTo;
    this.setMaxListeners(0); // one for each layer
    servers.on('ready', () => this.emit('ready'));
    servers.on('error', (err) => this.emit('error', err));
  }

  get isOpen(): boolean {
    return this.cluster.isOpen;
  }

  /** Whether any server is connected. Commands for one that is not fail at once. */
  get isReady(): boolean {
    return this.cluster.primaries.size > 0;
  }

  /** Whether each slot has a server, and all of them are connected. */
  get isComplete(): boolean {
    return this.cluster.isComplete;
  }

  /** The primaries that are connected: `host:port` and their clients. */
  get primaries(): ReadonlyMap<string, Client> {
    return this.cluster.primaries;
  }

  /** The primary that has a key, as `host:port`; undefined as long as that is not known. */
  primaryOf(key: string): string | undefined {
    return this.cluster.primaryOf(key);
  }

  /** How often a primary was replaced by another server. */
  get failovers(): number {
    return this.cluster.failovers;
  }

  /** Resolves once all slots can be reached for the first time, however long that takes. */
  async connect(): Promise<this> {
    if (this.isOpen) throw new Error('it is connected already');
    this.cluster.open();
    while (this.isOpen && !this.isComplete) await pause(pollMs);
    return this;
  }

  destroy(): void {
    if (!this.isOpen) return;
    this.cluster.close();
    this.emit('end');
  }

  /** Ends it after the commands that are under way. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.primaries.values()].map((client) => client.close?.()));
    this.destroy();
  }

  /** To the server that has the command's key; without one, to any. */
  async sendCommand(command: string[]): Promise<unknown> {
    const key = keyOf(command);
    if (key === undefined) return this.#anyPrimary()[1].sendCommand(command);
    return this.cluster.follow(key, redirectionMs, (client, isAsking) => {
      if (isAsking) client.sendCommand(['ASKING']).catch(() => {}); // the command itself fails then
      return client.sendCommand(command);
    });
  }

  /** For a subscription: a client of one of the primaries, and of another one if any is replaced. */
  duplicate(): PrimaryClient {
    const { cluster } = this;
    const anyPrimary: Resolver = {
      acquire() {},
      release() {},
      primary: async () => addressOf(this.#anyPrimary()[0]),
      confirms: async (server) => this.primaries.has(nameOf(server)),
      once: (event, listener) => cluster.once(event, listener),
      removeListener: (event, listener) => cluster.removeListener(event, listener),
    };
    return new PrimaryClient(anyPrimary, this.#connectTo);
  }

  #anyPrimary(): [server: string, client: Client] {
    const all = [...this.primaries];
    const one = all[Math.floor(Math.random() * all.length)];
    if (!one) throw new ClientOfflineError('no server of the Cluster is connected');
    return one;
  }
}

/** Commands that have no key. */
const keyless = /^(INFO|TIME|PING|PUBLISH|WAIT|SCRIPT|CONFIG|CLUSTER|ROLE)$/i;

function keyOf([name = '', ...rest]: string[]): string | undefined {
  if (keyless.test(name)) return undefined;
  return /^EVAL(SHA)?$/i.test(name) ? rest[2] : rest[0];
}
