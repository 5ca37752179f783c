import { setTimeout as pause } from 'node:timers/promises';
import { type Client, ClientOfflineError } from './client.ts';
import { type StaleConnection, staleConnectionOf } from './stale-connection.ts';

/** A write that a failover may lose: too few replicas have confirmed to have it, or a failover has begun. */
export class NotReplicatedError extends Error {
  override name = 'NotReplicatedError';
}

/** Sends commands that change something. */
export interface Writer {
  /** @param isAsking in a Cluster: its slot is being moved to this server, which wants ASKING first */
  send(command: string[], isAsking?: boolean): Promise<unknown>;
}

/** Sends commands as they are. */
export const createReader = (client: Client): Writer => ({
  send: (command, isAsking) => sendOver(client, command, isAsking),
});

function sendOver(connection: Client, command: string[], isAsking = false): Promise<unknown> {
  if (isAsking) connection.sendCommand(['ASKING']).catch(() => {}); // for the next command; that fails if this does
  return connection.sendCommand(command);
}

/** A command that is replicated, whatever else a connection has sent. */
export interface Message {
  command(): string[];
  /** This server does not take it: another one is to be used. */
  refused(): void;
}

/** @returns a message to a channel that needs no subscriber */
export function publishing(prefix: string): Message {
  const command = ['PUBLISH', `${prefix}written`, ''];
  return { command: () => command, refused() {} };
}

/**
 * In a Cluster messages are not replicated, so a key is written that expires at once, in a slot of that server.
 * @param isThere whether the server has a key
 */
export function clusterMessage(prefix: string, isThere: (key: string) => boolean): Message {
  let tries = 0;
  const key = () => `${prefix}{written-${tries}}`;
  return {
    command() {
      for (const end = tries + maxTries; !isThere(key()) && tries < end; ) tries += 1;
      return ['SET', key(), '', 'PX', '1'];
    },
    refused() {
      tries = (tries + 1) % maxTries;
    },
  };
}

/** So many names of a key are in enough different slots to find one of each server. */
const maxTries = 2000;

/**
 * Sends writes over a connection of their own, and answers once so many replicas have each: Redis itself acknowledges before
 * any replica has heard of it. `WAIT` blocks its connection, so reads do not share it, and counts for what was written on that
 * very connection, so it counts for nothing if that broke in between. One `WAIT` at a time confirms all writes before it.
 *
 * From 7.2 on, `WAIT` waits for nothing if its connection has written nothing since: a command that only finds what another
 * connection wrote would be acknowledged before replicas have that. So each `WAIT` follows a message, which is replicated.
 *
 * With sentinels, they are asked after each `WAIT` whether a failover has begun (Sentinels.confirms).
 * @param replicas how many must have it; 0 for a Redis without replicas
 * @param waitMs how long to wait for them
 */
export function createWriter(client: Client, replicas: number, waitMs: number, message: Message): Writer {
  if (replicas === 0) return createReader(client);
  return new ReplicatedWriter(client, replicas, waitMs, message);
}

const pollMs = 5;
const maxMessages = 3;

class ReplicatedWriter implements Writer {
  readonly #message: Message;
  readonly #replicas: number;
  readonly #client: Client;
  #connection: Client | undefined;
  /** Reads share no connection with writes, so they do not notice that it is dead. */
  #stale: StaleConnection | undefined;
  readonly #waitMs: number;
  /** Counts the connections that were made or lost: the same before and after, it was one connection. */
  #epoch = 0;
  #underWay: Promise<unknown> = Promise.resolve();
  /** The next WAIT, which is not sent yet. */
  #next: Promise<void> | undefined;

  constructor(client: Client, replicas: number, waitMs: number, message: Message) {
    this.#client = client;
    this.#replicas = replicas;
    this.#waitMs = waitMs;
    this.#message = message;
    client.on('ready', () => this.#connect());
    client.on('end', () => this.#connection?.isOpen && this.#connection.destroy());
    if (client.isReady) this.#connect();
  }

  async send(command: string[], isAsking?: boolean): Promise<unknown> {
    const connection = this.#connection?.isReady ? this.#connection : await this.#connected();
    this.#stale?.asked();
    this.#stale?.missed(4 * this.#waitMs);
    if (!connection.isReady) throw new ClientOfflineError('the connection for writes was silent, and is replaced');
    const epoch = this.#epoch;
    const reply = sendOver(connection, command, isAsking).finally(() => this.#stale?.heard());
    this.#next ??= this.#sendNext(connection);
    const waited = this.#next;
    waited.catch(() => {}); // awaited below, unless the command itself fails
    const value = await reply;
    await waited.catch((cause: Error) => {
      // Not the error itself: Redis may have refused the WAIT, but it has executed the command.
      throw new NotReplicatedError(`unconfirmed: ${cause.message}`, { cause });
    });
    if (epoch !== this.#epoch) throw new NotReplicatedError('the connection broke before replicas confirmed it');
    return value;
  }

  /** As reads have a connection, that for writes is being made. @throws {ClientOfflineError} if it takes longer than waitMs */
  async #connected(): Promise<Client> {
    const end = performance.now() + this.#waitMs;
    while (!this.#connection?.isReady) {
      if (performance.now() > end) throw new ClientOfflineError('there is no connection for writes');
      await pause(pollMs, undefined, { ref: false });
    }
    return this.#connection;
  }

  /** @throws {Error} if replicas, or the sentinels, do not confirm what was written before */
  async #sendNext(connection: Client): Promise<void> {
    await this.#underWay;
    await new Promise(setImmediate); // other writes of this turn
    this.#next = undefined;
    const waited = this.#wait(connection);
    this.#underWay = waited.catch(() => {});
    const count = await waited;
    if (count < this.#replicas) throw new Error(`${count} of ${this.#replicas} replicas confirmed it`);
    if (connection.isStillPrimary && !(await connection.isStillPrimary()))
      throw new Error('the sentinels do not confirm that this is still the primary');
  }

  /** @returns how many replicas have all that was written on this connection */
  async #wait(connection: Client): Promise<number> {
    for (let tries = 1; ; tries++) {
      const sent = connection.sendCommand(this.#message.command());
      const count = connection.sendCommand(['WAIT', String(this.#replicas), String(this.#waitMs)]);
      const [written] = await Promise.allSettled([sent, count]);
      if (written.status === 'fulfilled') return (await count) as number;
      const isRedirected = /^(MOVED|ASK|TRYAGAIN)\b/.test((written.reason as Error).message);
      if (!isRedirected || tries === maxMessages) throw written.reason;
      this.#message.refused(); // its slot is being moved to another server
    }
  }

  #connect(): void {
    if (this.#connection?.isOpen) return;
    const connection = this.#client.duplicate?.() as Client;
    this.#connection = connection;
    this.#stale = staleConnectionOf(connection);
    const changed = () => {
      this.#epoch += 1;
    };
    for (const event of ['ready', 'error', 'reconnecting', 'end'] as const) connection.on(event, changed);
    connection.connect().catch(() => {});
  }
}
