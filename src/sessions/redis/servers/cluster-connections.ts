import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { type Address, type Client, ClientOfflineError, type Servers, type Subscriber } from '../client.ts';
import {
  addressOf,
  nameOf,
  readFromFirst,
  readTopology,
  slotOf,
  type Topology,
  unknown,
  withNewer,
} from './topology.ts';

/** How often it looks which server has which slot: if nothing is wrong, and if something is. */
const [calmMs, troubledMs] = [5000, 200];
const answerMs = 500;
/** A slot that is being moved, or a server that a slot has moved to and that is not connected yet. */
const againMs = 10;
const keptMs = 60_000;

/**
 * Connections to the servers of a Cluster: one to each primary, as long as it is one. It emits `ready` when all slots can be
 * reached, for the first time or again, `moved` when a primary was replaced, and `error` for each failed attempt to connect.
 */
export class ClusterConnections extends EventEmitter<{ ready: []; moved: []; error: [Error] }> implements Servers {
  readonly #nodes: Address[];
  readonly #connectTo: (address: Address) => Subscriber;
  /** By their names: the primaries, and servers to which a redirection has led. */
  readonly #clients = new Map<string, Subscriber>();
  /** Until when a server that has no slots is kept: a slot may be being moved there. */
  readonly #keptUntil = new Map<string, number>();
  #topology = unknown();
  /** The names of the primaries. */
  #primaries = new Set<string | undefined>([undefined]);
  #wasComplete = false;
  #failovers = 0;
  #closing: AbortController | undefined;
  /** Ends the pause before the next look. */
  #wake = new AbortController();
  #isTroubled = true;

  constructor(nodes: Address[], connectTo: (address: Address) => Subscriber) {
    super();
    this.#nodes = nodes;
    this.#connectTo = connectTo;
    this.setMaxListeners(0); // one for each subscription
  }

  get isOpen(): boolean {
    return this.#closing !== undefined;
  }

  /** Whether each slot has a server, and all of them are connected. */
  get isComplete(): boolean {
    return [...this.#primaries].every((server) => this.#clientOf(server)?.isReady);
  }

  /** Those that are connected, by their names. */
  get primaries(): ReadonlyMap<string, Subscriber> {
    const isConnected = ([server, { isReady }]: [string, Client]) => isReady && this.#primaries.has(server);
    return new Map([...this.#clients].filter(isConnected));
  }

  get failovers(): number {
    return this.#failovers;
  }

  primaryOf(key: string): string | undefined {
    return this.#topology.owners[slotOf(key)];
  }

  clientFor(key: string): Client | undefined {
    return this.#clientOf(this.primaryOf(key));
  }

  open(): void {
    this.#closing = new AbortController();
    void this.#keepLooking(this.#closing.signal);
  }

  close(): void {
    this.#closing?.abort();
    this.#closing = undefined;
    this.#wake.abort();
    this.#keptUntil.clear();
    this.#apply(unknown());
  }

  look(): void {
    this.#isTroubled = true;
    this.#wake.abort();
  }

  async follow<T>(key: string, ms: number, send: (client: Client, isAsking: boolean) => Promise<T>): Promise<T> {
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
        const isRedirected = (kind === 'MOVED' || kind === 'ASK') && to !== undefined;
        if ((!isRedirected && kind !== 'TRYAGAIN') || performance.now() > end) throw err;
        this.look();
        isAsking = kind === 'ASK';
        server = isRedirected ? this.#redirect(to, server) : this.#topology.owners[slot];
        if (kind === 'MOVED') this.#topology.owners[slot] = server;
      }
      while (!this.#clientOf(server)?.isReady && performance.now() < end)
        await pause(againMs, undefined, { ref: false });
      if (!isAsking) await pause(againMs, undefined, { ref: false });
    }
  }

  #clientOf(server: string | undefined): Subscriber | undefined {
    return server === undefined ? undefined : this.#clients.get(server);
  }

  /**
   * @param by the server that redirects, which may not know its own host
   * @returns the name of the server to send to
   */
  #redirect(to: string, by: string | undefined): string {
    const { host, port } = addressOf(to);
    const server = nameOf({ host: host || addressOf(by ?? to).host, port });
    this.#keptUntil.set(server, performance.now() + keptMs);
    this.#connect(server);
    return server;
  }

  async #keepLooking(closing: AbortSignal): Promise<void> {
    while (!closing.aborted) {
      this.#isTroubled = false;
      await this.#lookOnce(closing);
      if (!this.isComplete) this.#isTroubled = true;
      await pause(troubledMs, undefined, { ref: false });
      if (this.#isTroubled || closing.aborted) continue;
      this.#wake = new AbortController();
      await pause(calmMs, undefined, { ref: false, signal: this.#wake.signal }).catch(() => {});
    }
  }

  async #lookOnce(closing: AbortSignal): Promise<void> {
    const known = [...this.primaries].map(([server, client]) => [addressOf(server), client] as const);
    const seen = await readTopology(known, answerMs);
    if (closing.aborted) return;
    const areMost = seen.answers > this.#primaries.size / 2;
    if (seen.answers > 0) return this.#apply(areMost ? seen.topology : withNewer(this.#topology, seen.topology));
    const servers = [...new Set([...this.#nodes.map(nameOf), ...this.#clients.keys()])];
    const { answers, topology, problem: cause } = await readFromFirst(servers, this.#connectTo, answerMs, closing);
    if (closing.aborted) return;
    if (answers > 0) return this.#apply(topology);
    const list = servers.join(', ');
    this.emit('error', new Error(`no server of the Cluster answers at ${list}: ${cause?.message}`, { cause }));
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
    if (this.isOpen && missing > 0) this.emit('error', new Error(`the Cluster has no server for ${missing} slots`));
    if (replaced.length > 0) this.emit('moved');
    if (this.isOpen) this.#failovers += replaced.length;
    this.#noteReady();
  }

  #connect(server: string): void {
    if (this.#clients.has(server)) return;
    const client = this.#connectTo(addressOf(server));
    this.#clients.set(server, client);
    client.on('error', (err) => {
      if (this.#clients.get(server) !== client || !this.#primaries.has(server)) return;
      this.#wasComplete = false;
      this.look();
      this.emit('error', err);
    });
    client.on('ready', () => this.#noteReady());
    client.connect().catch(() => {});
  }

  #noteReady(): void {
    const isComplete = this.isComplete;
    if (isComplete && !this.#wasComplete) this.emit('ready');
    this.#wasComplete = isComplete;
  }
}
