import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Address,
  type Client,
  ClientOfflineError,
  type Resolver,
  requireAddresses,
  type Servers,
  type Subscriber,
  within,
} from './client.ts';
import { PrimaryClient } from './primary.ts';
import { slotOf } from './slots.ts';
import { addressOf, nameOf, readTopology, type Topology, unknown, withNewer } from './topology.ts';

export interface ClusterOptions {
  /** Servers of the Cluster to begin with: at least one, better all of them. */
  nodes: Address[];
  /** Makes a client for a server, not yet connected: `createClient` with `redisOptions` and this address. */
  connectTo(address: Address): Subscriber;
}

/** How often it looks which server has which slot: if nothing is wrong, and if something is. */
const [calmMs, troubledMs] = [5000, 200];
const answerMs = 500;
/** A slot that is being moved, or a server that a slot has moved to and that is not connected yet. */
const againMs = 10;
const keptMs = 60_000;

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
  return new ClusterClient(nodes, connectTo);
}

type Events = Record<'connect' | 'ready' | 'reconnecting' | 'end' | 'moved', []> & { error: [Error] };

export class ClusterClient extends EventEmitter<Events> implements Client {
  /** @internal */
  readonly cluster: Servers = {
    clientFor: (key) => this.#clientOf(this.#topology.owners[slotOf(key)]),
    follow: (key, ms, send) => this.#follow(key, ms, send),
    look: () => this.#trouble(),
  };
  readonly #nodes: Address[];
  readonly #connectTo: (address: Address) => Subscriber;
  /** By their names: the primaries, and servers that others have referred to. */
  readonly #clients = new Map<string, Subscriber>();
  /** Until when a server that has no slots is kept: a slot may be on its way there. */
  readonly #keptUntil = new Map<string, number>();
  #topology = unknown();
  /** The names of the primaries. */
  #primaries = new Set<string | undefined>([undefined]);
  #wasComplete = false;
  #failovers = 0;
  #closing: AbortController | undefined;
  /** Ends the pause before the next look. */
  #lookNow = () => {};
  #isTroubled = true;

  /** @internal */
  constructor(nodes: Address[], connectTo: (address: Address) => Subscriber) {
    super();
    this.#nodes = nodes;
    this.#connectTo = connectTo;
    this.setMaxListeners(0); // one for each layer, and for each subscription
  }

  get isOpen(): boolean {
    return this.#closing !== undefined;
  }

  /** Whether any server is connected. Commands for one that is not fail at once. */
  get isReady(): boolean {
    return [...this.#clients.values()].some(({ isReady }) => isReady);
  }

  /** Whether each slot has a server, and all of them are connected. */
  get isComplete(): boolean {
    return [...this.#primaries].every((server) => this.#clientOf(server)?.isReady);
  }

  /** The primaries that are connected: `host:port` and their clients. */
  get primaries(): ReadonlyMap<string, Client> {
    const isConnected = ([server, { isReady }]: [string, Client]) => isReady && this.#primaries.has(server);
    return new Map([...this.#clients].filter(isConnected));
  }

  /** The primary that has a key, as `host:port`; undefined as long as that is not known. */
  primaryOf(key: string): string | undefined {
    return this.#topology.owners[slotOf(key)];
  }

  /** How often a primary was replaced by another server. */
  get failovers(): number {
    return this.#failovers;
  }

  /** Resolves once all slots can be reached for the first time, however long that takes. */
  async connect(): Promise<this> {
    if (this.#closing) throw new Error('it is connected already');
    const closing = new AbortController();
    this.#closing = closing;
    void this.#keepLooking(closing.signal);
    while (!closing.signal.aborted && !this.isComplete) await pause(againMs);
    return this;
  }

  destroy(): void {
    if (!this.#closing) return;
    this.#closing.abort();
    this.#closing = undefined;
    this.#lookNow();
    this.#keptUntil.clear();
    this.#apply(unknown());
    this.emit('end');
  }

  /** Ends it after the commands that are under way. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#clients.values()].map((client) => client.close?.()));
    this.destroy();
  }

  /** To the server that has the command's key; without one, to any. */
  async sendCommand(command: string[]): Promise<unknown> {
    const key = keyOf(command);
    if (key === undefined) return this.#anyClient().sendCommand(command);
    return this.cluster.follow(key, answerMs, (client, isAsking) => {
      if (isAsking) client.sendCommand(['ASKING']).catch(() => {}); // the command itself fails then
      return client.sendCommand(command);
    });
  }

  /** For a subscription: a client of one of the servers, and of another one if a primary is replaced. */
  duplicate(): PrimaryClient {
    return new PrimaryClient(this.#subscriptionServers(), this.#connectTo);
  }

  #clientOf(server: string | undefined): Subscriber | undefined {
    return server === undefined ? undefined : this.#clients.get(server);
  }

  #anyClient(): Client {
    const ready = [...this.#clients.values()].filter(({ isReady }) => isReady);
    const client = ready[Math.floor(Math.random() * ready.length)];
    if (!client) throw new ClientOfflineError('no server of the Cluster is connected');
    return client;
  }

  async #follow<T>(key: string, ms: number, send: (client: Client, isAsking: boolean) => Promise<T>): Promise<T> {
    const slot = slotOf(key);
    const end = performance.now() + ms;
    let server = this.#topology.owners[slot];
    let isAsking = false;
    for (;;) {
      const client = this.#clientOf(server);
      try {
        if (!client?.isReady) throw new ClientOfflineError(`there is no connection to the server of slot ${slot}`);
        return await send(client, isAsking);
      } catch (err) {
        const [kind, , to] = (err as Error).message.split(' ');
        const isReferred = (kind === 'MOVED' || kind === 'ASK') && to !== undefined;
        if ((!isReferred && kind !== 'TRYAGAIN') || performance.now() > end) throw err;
        this.#trouble();
        isAsking = kind === 'ASK';
        server = isReferred ? this.#refer(to, server) : this.#topology.owners[slot];
        if (kind === 'MOVED') this.#topology.owners[slot] = server;
      }
      while (!this.#clientOf(server)?.isReady && performance.now() < end)
        await pause(againMs, undefined, { ref: false });
      if (!isAsking) await pause(againMs, undefined, { ref: false });
    }
  }

  /** @returns the name of the server that is referred to @param by the server that refers, which may not know its own host */
  #refer(to: string, by: string | undefined): string {
    const { host, port } = addressOf(to);
    const server = nameOf({ host: host || addressOf(by ?? to).host, port });
    this.#keptUntil.set(server, performance.now() + keptMs);
    this.#connect(server);
    return server;
  }

  #trouble(): void {
    this.#isTroubled = true;
    this.#lookNow();
  }

  async #keepLooking(closing: AbortSignal): Promise<void> {
    while (!closing.aborted) {
      this.#isTroubled = false;
      await this.#look(closing);
      if (!this.isComplete) this.#isTroubled = true;
      await pause(troubledMs, undefined, { ref: false });
      if (this.#isTroubled || closing.aborted) continue;
      const called = Promise.withResolvers<void>();
      this.#lookNow = called.resolve;
      await Promise.race([called.promise, pause(calmMs, undefined, { ref: false })]);
    }
  }

  async #look(closing: AbortSignal): Promise<void> {
    const known = [...this.primaries].map(([server, client]) => [addressOf(server), client] as const);
    const { answers, topology } = await readTopology(known, answerMs);
    if (closing.aborted) return;
    const areMost = answers > this.#primaries.size / 2;
    if (answers > 0) this.#apply(areMost ? topology : withNewer(this.#topology, topology));
    else await this.#lookFrom([...this.#nodes, ...[...this.#clients.keys()].map(addressOf)], closing);
  }

  /** Asks one after the other. */
  async #lookFrom(addresses: Address[], closing: AbortSignal): Promise<void> {
    let cause: Error | undefined;
    for (const address of addresses) {
      const { answers, topology, problem } = await this.#readFrom(address);
      if (closing.aborted) return;
      if (answers > 0) return this.#apply(topology);
      cause ??= problem;
    }
    const list = [...new Set(addresses.map(nameOf))].join(', ');
    this.emit('error', new Error(`no server of the Cluster answers at ${list}: ${cause?.message}`, { cause }));
  }

  async #readFrom(address: Address) {
    const client = this.#connectTo(address);
    let problem: Error | undefined;
    client.on('error', ((err: Error) => {
      problem = err;
    }) as () => void);
    try {
      await within(answerMs, client.connect());
      return await readTopology([[address, client]], answerMs);
    } catch (err) {
      return { answers: 0, topology: unknown(), problem: problem ?? (err as Error) };
    } finally {
      if (client.isOpen) client.destroy();
    }
  }

  #apply(topology: Topology): void {
    const former = this.#primaries;
    this.#topology = topology;
    this.#primaries = new Set(topology.owners);
    for (const server of this.#primaries) if (server !== undefined) this.#connect(server);
    for (const [server, client] of [...this.#clients]) {
      if (this.#primaries.has(server) || (this.#keptUntil.get(server) ?? 0) > performance.now()) continue;
      this.#clients.delete(server);
      this.#keptUntil.delete(server);
      if (client.isOpen) client.destroy();
    }
    const replaced = [...former].filter((server) => server !== undefined && !this.#primaries.has(server));
    const missing = topology.owners.filter((server) => server === undefined).length;
    if (this.#closing && missing > 0) this.emit('error', new Error(`the Cluster has no server for ${missing} slots`));
    if (replaced.length > 0) this.emit('moved');
    if (this.#closing) this.#failovers += replaced.length;
    this.#noteReady();
  }

  #connect(server: string): void {
    if (this.#clients.has(server)) return;
    const client = this.#connectTo(addressOf(server));
    this.#clients.set(server, client);
    client.on('error', ((err: Error) => {
      if (this.#clients.get(server) !== client || !this.#primaries.has(server)) return;
      this.#wasComplete = false;
      this.#trouble();
      this.emit('error', err);
    }) as () => void);
    client.on('ready', () => this.#noteReady());
    client.connect().catch(() => {});
  }

  #noteReady(): void {
    const isComplete = this.isComplete;
    if (isComplete && !this.#wasComplete) this.emit('ready');
    this.#wasComplete = isComplete;
  }

  /** The server of a subscription: any one that is connected, as long as it is a primary. */
  #subscriptionServers(): Resolver {
    return {
      acquire() {},
      release() {},
      primary: async () => {
        const ready = [...this.#clients].filter(([, { isReady }]) => isReady);
        const [server] = ready[Math.floor(Math.random() * ready.length)] ?? [];
        if (server === undefined) throw new ClientOfflineError('no server of the Cluster is connected');
        return addressOf(server);
      },
      confirms: async (server) => this.#clients.has(nameOf(server)),
      once: (event, listener) => this.once(event, listener),
      removeListener: (event, listener) => this.removeListener(event, listener),
    };
  }
}

/** Commands that have no key. */
const keyless = /^(INFO|TIME|PING|PUBLISH|WAIT|SCRIPT|CONFIG|CLUSTER|ROLE)$/i;

function keyOf([name = '', ...rest]: string[]): string | undefined {
  if (keyless.test(name)) return undefined;
  return /^EVAL(SHA)?$/i.test(name) ? rest[2] : rest[0];
}
