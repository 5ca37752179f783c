import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { type Address, ClientOfflineError, isSameAddress, type Resolver, type Subscriber } from '../client.ts';
import { within } from '../deadline.ts';

const firstRetryMs = 50;
const maxRetryMs = 500;
const roleMs = 500;

type Events = Record<'connect' | 'ready' | 'reconnecting' | 'end', []> & { error: [Error] };

export class PrimaryClient extends EventEmitter<Events> implements Subscriber {
  readonly #resolver: Resolver;
  readonly #connectTo: (address: Address) => Subscriber;
  readonly #subscriptions = new Map<string, (message: string) => void>();
  #client: Subscriber | undefined;
  #primary: Address | undefined;
  #failovers = 0;
  /** Ends what `connect` began. */
  #closing: AbortController | undefined;
  #keepsAlive = true;

  /** @internal */
  constructor(resolver: Resolver, connectTo: (address: Address) => Subscriber) {
    super();
    this.#resolver = resolver;
    this.#connectTo = connectTo;
  }

  get isOpen(): boolean {
    return this.#closing !== undefined;
  }

  get isReady(): boolean {
    return this.#client?.isReady ?? false;
  }

  /** The server that it is connected to, or was last; undefined before it was. */
  get primary(): Address | undefined {
    return this.#primary;
  }

  /** How often it has connected to another server than before. */
  get failovers(): number {
    return this.#failovers;
  }

  /** Resolves once it is connected for the first time, however long that takes. */
  async connect(): Promise<this> {
    if (this.#closing) throw new Error('it is connected already');
    const closing = new AbortController();
    this.#closing = closing;
    this.#resolver.acquire();
    await new Promise<void>((resolve) => {
      this.once('ready', resolve);
      void this.#keepConnected(closing.signal).finally(resolve);
    });
    return this;
  }

  destroy(): void {
    if (!this.#closing) return;
    this.#closing.abort();
    this.#closing = undefined;
    this.#resolver.release();
    this.#drop();
    this.emit('end');
  }

  /** Ends it after the commands that are under way. */
  async close(): Promise<void> {
    await this.#client?.close?.().catch(() => {});
    this.destroy();
  }

  async sendCommand(command: string[]): Promise<unknown> {
    const client = this.#client;
    if (!client?.isReady) throw new ClientOfflineError('there is no connection to the primary');
    return client.sendCommand(command).catch((err: Error) => {
      if (/^READONLY\b/.test(err.message)) this.#drop(client); // it is no primary any longer
      throw err;
    });
  }

  /** Asks the sentinels whether the server that it is connected to is still the primary, and is not being replaced. */
  async isStillPrimary(): Promise<boolean> {
    const server = this.isReady ? this.#primary : undefined;
    return server !== undefined && (await this.#resolver.confirms(server));
  }

  /** Another client that follows the same primary. */
  duplicate(): PrimaryClient {
    return new PrimaryClient(this.#resolver, this.#connectTo);
  }

  async subscribe(channel: string, listener: (message: string) => void): Promise<void> {
    this.#subscriptions.set(channel, listener);
    await this.#client?.subscribe(channel, listener);
  }

  /** Its connection keeps no process alive. */
  unref(): void {
    this.#keepsAlive = false;
    this.#client?.unref();
  }

  async #keepConnected(closing: AbortSignal): Promise<void> {
    let retryMs = firstRetryMs;
    while (!closing.aborted) {
      try {
        const lost = await this.#connectOnce(closing);
        retryMs = firstRetryMs;
        await lost;
        if (!closing.aborted) this.emit('reconnecting');
      } catch (err) {
        if (!closing.aborted) this.emit('error', err as Error);
      }
      this.#drop();
      await pause(retryMs * (1 - Math.random() / 2), undefined, { ref: this.#keepsAlive, signal: closing }).catch(
        () => {},
      );
      retryMs = Math.min(maxRetryMs, 2 * retryMs);
    }
  }

  /** @returns a promise of its end: the connection is lost, or the primary is another server */
  async #connectOnce(closing: AbortSignal): Promise<Promise<void>> {
    const address = await this.#resolver.primary();
    const client = this.#connectTo(address);
    const lost = Promise.withResolvers<void>();
    const end = () => lost.resolve();
    let problem: Error | undefined;
    client.on('error', (err) => {
      problem = err;
      end();
    });
    client.on('end', end);
    closing.addEventListener('abort', end, { once: true });
    this.#resolver.once('moved', end);
    void lost.promise.then(() => {
      closing.removeEventListener('abort', end);
      this.#resolver.removeListener('moved', end);
      if (client.isOpen) client.destroy();
    });
    const connected = client.connect().then(() => this.#prepare(client, address));
    await Promise.race([connected, lost.promise]).catch((err: Error) => {
      problem = err;
    });
    if (problem || !client.isReady || closing.aborted) {
      end();
      throw problem ?? new Error(`the connection to ${address.host}:${address.port} was lost`);
    }
    this.#client = client;
    if (this.#primary && !isSameAddress(this.#primary, address)) this.#failovers += 1;
    this.#primary = address;
    this.emit('connect');
    this.emit('ready');
    return lost.promise;
  }

  /** @throws if it is no primary: sentinels name one before it has become it, and one that returns believes that it still is */
  async #prepare(client: Subscriber, { host, port }: Address): Promise<void> {
    const [role] = (await within(roleMs, client.sendCommand(['ROLE']))) as [string];
    if (role !== 'master') throw new Error(`${host}:${port} is a replica, not the primary`);
    for (const [channel, listener] of this.#subscriptions) await client.subscribe(channel, listener);
    if (!this.#keepsAlive) client.unref();
  }

  #drop(client = this.#client): void {
    if (client !== this.#client || !client) return;
    this.#client = undefined;
    if (client.isOpen) client.destroy();
  }
}
