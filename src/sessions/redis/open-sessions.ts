import { randomUUID } from 'node:crypto';
import { SessionError } from '../errors.ts';
import type { Client, Subscriber } from './client.ts';

/** How sessions are found in Redis. */
export interface Lookup {
  client: Client;
  /** The scripts that end a session publish its handle there. */
  channel: string;
  /** Milliseconds that a session has left if it is not used; -1 if it has no end, -2 if there is none. */
  timeLeft(handle: string): Promise<number>;
  /** Redis's clock: milliseconds since 1970. */
  now(): Promise<number>;
}

/** What is open in one session. */
interface Open {
  controllers: Set<AbortController>;
  /** When the session ends, used or not, by Redis's clock. */
  endsAt: number;
  timer?: NodeJS.Timeout;
}

/** This process publishes a message to itself so often: a subscription whose connection was cut reports no error. */
const beatMs = 1000;
/** If nothing was heard for so long, it is unknown whether sessions have ended: what is open in them is ended. */
const maxBlindMs = 5000;
const retryMs = 1000;
const maxTimerMs = 2 ** 31 - 1;

/**
 * Ends what stays open in sessions in this process, such as streams and WebSockets, when its session ends on any replica.
 *
 * One subscription, made when it is first needed, says which sessions end. Two things it cannot say, and Redis is asked: that
 * the time of a session which is not used is over, and which sessions ended while the subscription was lost.
 */
export class OpenSessions {
  readonly #lookup: Lookup;
  readonly #open = new Map<string, Open>();
  readonly #ownChannel: string;
  #subscriber: Subscriber | undefined;
  #beat: NodeJS.Timeout | undefined;
  #isHeard = true;
  /** Runs while nothing is heard. */
  #blind: NodeJS.Timeout | undefined;

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
    this.#ownChannel = `${lookup.channel}:${randomUUID()}`;
  }

  /** In how many sessions something is open. */
  get size(): number {
    return this.#open.size;
  }

  /** Aborts `controller` when the session ends. @returns a function that forgets it */
  watch(handle: string, endsAt: number, controller: AbortController): () => void {
    if (!this.#subscriber?.isOpen) this.#subscribe();
    const open = this.#open.get(handle) ?? { controllers: new Set(), endsAt };
    this.#open.set(handle, open);
    open.controllers.add(controller);
    this.#beat ??= setInterval(() => this.#listen(), beatMs).unref();
    if (!this.#blind) void this.#lookUp(handle); // else all are looked up once something is heard
    return () => {
      open.controllers.delete(controller);
      if (open.controllers.size === 0 && this.#open.get(handle) === open) this.#forget(handle);
    };
  }

  #forget(handle: string): void {
    clearTimeout(this.#open.get(handle)?.timer);
    this.#open.delete(handle);
    if (this.#open.size > 0) return;
    clearInterval(this.#beat);
    clearTimeout(this.#blind);
    this.#beat = undefined;
    this.#blind = undefined;
  }

  #end(handle: string, code: 'session-ended' | 'store-unavailable'): void {
    const open = this.#open.get(handle);
    if (!open) return;
    this.#forget(handle);
    for (const controller of open.controllers) controller.abort(new SessionError(code));
  }

  /** @throws {TypeError} if the client cannot subscribe */
  #subscribe(): void {
    const { client, channel } = this.#lookup;
    if (!client.duplicate) throw new TypeError('sessionSignal needs a client that createClient has made');
    const subscriber = client.duplicate();
    this.#subscriber = subscriber;
    this.#loseSight();
    subscriber.on('error', () => {}); // it connects again, and what was missed meanwhile is looked up
    subscriber.on('ready', () => {
      subscriber.unref(); // it keeps no process alive
      this.#loseSight();
      this.#sendBeat();
    });
    closeWith(client, subscriber);
    const subscribed = subscriber
      .connect()
      .then(() =>
        Promise.all([
          subscriber.subscribe(channel, (handle) => this.#end(handle, 'session-ended')),
          subscriber.subscribe(this.#ownChannel, () => this.#hear()),
        ]),
      );
    subscribed.then(
      () => this.#sendBeat(),
      () => this.#drop(subscriber), // it is tried again
    );
  }

  #drop(subscriber: Subscriber): void {
    if (this.#subscriber === subscriber) this.#subscriber = undefined;
    subscribers.get(this.#lookup.client)?.delete(subscriber);
    if (subscriber.isOpen) subscriber.destroy();
  }

  #sendBeat(): void {
    const { client } = this.#lookup;
    if (client.isReady) client.sendCommand(['PUBLISH', this.#ownChannel, '']).catch(() => {}); // else it would queue
  }

  #listen(): void {
    if (!this.#isHeard) this.#loseSight();
    this.#isHeard = false;
    if (this.#subscriber?.isOpen) this.#sendBeat();
    else if (this.#lookup.client.isOpen) this.#subscribe(); // the client was closed, and opened again
  }

  #loseSight(): void {
    this.#blind ??= setTimeout(() => {
      for (const handle of [...this.#open.keys()]) this.#end(handle, 'store-unavailable');
      if (this.#subscriber) this.#drop(this.#subscriber); // its server may hang, and another one of a Cluster not
    }, maxBlindMs).unref();
  }

  #hear(): void {
    this.#isHeard = true;
    if (!this.#blind) return;
    clearTimeout(this.#blind);
    this.#blind = undefined;
    for (const handle of this.#open.keys()) void this.#lookUp(handle);
  }

  /** Ends what is open in a session that has ended; else looks again when that may be so. */
  async #lookUp(handle: string): Promise<void> {
    const [left, now] = await Promise.all([this.#lookup.timeLeft(handle), this.#lookup.now()]).catch(() => []);
    const open = this.#open.get(handle);
    if (!open) return;
    if (left === -2 || (now !== undefined && now >= open.endsAt)) return this.#end(handle, 'session-ended');
    const again =
      left === undefined || now === undefined
        ? retryMs
        : Math.min(left < 0 ? maxTimerMs : left + 1, open.endsAt - now, maxTimerMs);
    clearTimeout(open.timer);
    open.timer = setTimeout(() => void this.#lookUp(handle), again).unref();
  }
}

const subscribers = new WeakMap<Client, Set<Subscriber>>();

/** A client gets one listener, however many layers use it. */
function closeWith(client: Client, subscriber: Subscriber): void {
  const known = subscribers.get(client);
  if (known) return void known.add(subscriber);
  const all = new Set([subscriber]);
  subscribers.set(client, all);
  client.on('end', () => {
    for (const one of all) if (one.isOpen) one.destroy();
    all.clear();
  });
}
