import { RedisStore } from 'connect-redis';
import type { SessionData } from 'express-session';
import { withDeadline } from './deadline.ts';

type Client = RedisStore['client'];
type Done<T = void> = (err: unknown, value?: T) => void;

export interface DurableStoreOptions {
  /** A node-redis client with `disableOfflineQueue`, connected or connecting. The store does not close it. */
  client: Client;
  prefix?: string;
  /** A session that is not used for so long ends. */
  idleSeconds: number;
  /** How long a call to Redis may take. */
  deadlineMs: number;
}

/** Redis cannot be reached, refused the command, or did not answer in time. */
export class StoreError extends Error {
  override name = 'StoreError';
}

/** connect-redis's store with one trip a read, a deadline for every call, and one kind of error: StoreError. */
export class DurableStore extends RedisStore {
  readonly #client: Client;
  readonly #idleSeconds: number;
  readonly #deadlineMs: number;

  constructor({ client, prefix, idleSeconds, deadlineMs }: DurableStoreOptions) {
    super({ client, ttl: idleSeconds, ...(prefix !== undefined && { prefix }) });
    this.#client = client;
    this.#idleSeconds = idleSeconds;
    this.#deadlineMs = deadlineMs;
  }

  /** Reads a session and extends its life in the same command. */
  override async get(sid: string, done: Done<SessionData | null>): Promise<void> {
    const read = async () => {
      const expiration = { type: 'EX', value: this.#idleSeconds } as const;
      const text = await this.#client.getEx(this.prefix + sid, expiration);
      return text === null ? null : (JSON.parse(text) as SessionData);
    };
    await this.#call('a read', read, done);
  }

  override async set(sid: string, session: SessionData, done: Done = ignore): Promise<void> {
    const expiration = { type: 'EX', value: this.#idleSeconds } as const;
    const write = async () => void (await this.#client.set(this.prefix + sid, JSON.stringify(session), { expiration }));
    await this.#call('a write', write, done);
  }

  override async destroy(sid: string, done: Done = ignore): Promise<void> {
    await this.#call('a delete', async () => void (await this.#client.del(this.prefix + sid)), done);
  }

  /** Nothing to do: the read has extended the session's life. */
  override async touch(_sid: string, _session: SessionData, done: Done = ignore): Promise<void> {
    done(null);
  }

  /** Calls back outside of the `try`, so that a callback that throws does not run twice (connect-redis's does). */
  async #call<T>(what: string, command: () => Promise<T>, done: Done<T>): Promise<void> {
    let outcome: { value: T } | { error: StoreError };
    try {
      outcome = { value: await withDeadline(command(), this.#deadlineMs, what) };
    } catch (cause) {
      outcome = { error: new StoreError(`The session store failed at ${what}`, { cause }) };
    }
    if ('error' in outcome) done(outcome.error);
    else done(null, outcome.value);
  }
}

function ignore(): void {}
