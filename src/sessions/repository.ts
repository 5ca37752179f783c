import { keyOfHandle, rememberHandles, shortHash } from './hash.ts';
import type { Attributes, SessionsOptions } from './options.ts';
import { lifetimeOf, readAttributes, readStored, type Stored } from './record.ts';
import { RedisClock } from './redis/clock.ts';
import { ClusterClient } from './redis/servers/cluster.ts';
import { createRedisCalls, type RedisCalls } from './redis/commands.ts';
import { RedisMemory } from './redis/memory.ts';
import { OpenSessions } from './redis/open-sessions.ts';
import { PrimaryClient } from './redis/servers/primary.ts';
import { createQueue, type Queue } from './redis/queue.ts';
import { createRecently } from './redis/recently.ts';
import { endScript, takeOverScript } from './redis/scripts.ts';
import { createTell, type Tell } from './report.ts';

/** The sessions in one Redis: their keys, their limits, and how they are read and ended. */
export class SessionRepository {
  readonly calls: RedisCalls;
  readonly clock: RedisClock;
  readonly tell: Tell;
  readonly queue: Queue<Stored> = createQueue();
  readonly openSessions: OpenSessions;
  readonly handleOf = rememberHandles();
  readonly prefix: string;
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly deadlineMs: number;
  readonly patienceMs: number;
  readonly maxBytes: number;
  readonly maxPerUser: number;
  readonly lastWriteWins: ReadonlySet<string>;
  readonly #userOf: (session: Attributes) => unknown;
  readonly #anonymousShare: number | undefined;
  readonly #memories = new WeakMap<object, RedisMemory>();
  readonly #extended = createRecently();

  constructor(options: SessionsOptions) {
    this.prefix = options.prefix ?? 'session:';
    this.idleMs = Math.ceil((options.idleSeconds ?? 3600) * 1000);
    this.absoluteMs = Math.ceil((options.absoluteSeconds ?? 43_200) * 1000);
    this.deadlineMs = options.deadlineMs ?? 500;
    this.patienceMs = options.patienceMs ?? 0;
    this.maxBytes = options.maxBytes ?? 16_384;
    this.maxPerUser = options.maxPerUser ?? 100;
    this.#anonymousShare = options.anonymousShare;
    this.lastWriteWins = new Set(options.lastWriteWins);
    this.#userOf = options.userOf ?? defaultUserOf;
    this.tell = createTell(options.observe);
    const waitReplicas = options.waitReplicas ?? (hasReplicas(options.client) ? 1 : 0);
    const { deadlineMs, tell, prefix, patienceMs } = this;
    this.calls = createRedisCalls(options.client, deadlineMs, tell, prefix, waitReplicas, patienceMs);
    this.clock = new RedisClock(() => this.calls.readAt(this.prefix, 'time', 'TIME'));
    this.openSessions = new OpenSessions({
      client: options.client,
      channel: this.channel,
      timeLeft: (handle) => this.calls.read('find', 'PTTL', this.keyOfHandle(handle)),
      now: () => this.clock.now(),
    });
  }

  /**
   * Reads a session, in one command.
   * @param lifeMs how long it lives without use, as its cookie says: the read extends that, if it is due
   * @throws {SessionError} store-unavailable
   */
  async read(id: string, lifeMs: number = this.idleMs): Promise<Stored | undefined> {
    const key = this.keyOf(id);
    const text = await this.#get(key, lifeMs);
    if (text === null) return undefined;
    const stored = text === undefined ? undefined : readStored(text);
    if (!stored) {
      this.discard(id);
      return undefined;
    }
    const ownMs = lifetimeOf(stored.cookie, this.idleMs);
    if (ownMs !== lifeMs) this.calls.read('touch', 'PEXPIRE', key, String(ownMs)).catch(() => {}); // an older cookie
    if (stored.createdAt === 0) return stored;
    const now = this.clock.known ?? (await this.clock.now());
    if (now < this.endOf(stored)) return stored;
    await this.end(id, readAttributes(stored), 'expired');
    return undefined;
  }

  /** When it ends, used or not: a session whose own lifetime is longer may live as long as that. */
  endOf({ createdAt, cookie }: Pick<Stored, 'createdAt' | 'cookie'>): number {
    return createdAt + Math.max(this.absoluteMs, lifetimeOf(cookie, 0));
  }

  /** Ends a session. If its attributes are known, its user's list forgets it at once, else when that is full. */
  async end(id: string, attributes?: Attributes, as: 'logged_out' | 'expired' = 'logged_out'): Promise<void> {
    const handle = this.handleOf(id);
    const user = attributes && this.userOf(attributes);
    if (await this.endByHandle(handle)) this.tell({ type: as }); // else another request was faster
    if (user !== undefined) this.leaveList(user, handle);
  }

  /** Takes sessions out of their user's list, in the background: a handle that leads nowhere does no harm. */
  leaveList(user: string, ...handles: string[]): void {
    this.calls.read('list', 'ZREM', this.indexOf(user), ...handles).catch(() => {});
  }

  /** @returns whether there was one */
  async endByHandle(handle: string): Promise<boolean> {
    const key = this.keyOfHandle(handle);
    return (await this.calls.run<number>(endScript, [key, `${key}:answers`], [this.channel, handle])) > 0;
  }

  /** Ends a session that cannot be read, in the background: if that fails, the next request tries again. */
  discard(id: string): void {
    this.tell({ type: 'unreadable' });
    this.endByHandle(this.handleOf(id)).catch(() => {});
  }

  /** Moves a session of plain connect-redis to this id. @returns false if there is none */
  async takeOver(key: string, id: string): Promise<boolean> {
    return (await this.calls.run<number>(takeOverScript, [key, this.keyOf(id)], [])) === 1;
  }

  /** What a session that has moved from this id within the last minute has left there. */
  async markOf(id: string): Promise<string | null> {
    return this.#confirmed(id, await this.calls.read<string | null>('find', 'GET', this.markKeyOf(id)));
  }

  /** The response or result that is kept for a repeat of a request. */
  async findKept(id: string, field: string): Promise<string | null> {
    const key = `${this.keyOf(id)}:answers`;
    return this.#confirmed(id, await this.calls.read<string | null>('find', 'HGET', key, field));
  }

  userOf(attributes: Attributes): string | undefined {
    const user = this.#userOf(attributes);
    return user === undefined || user === null ? undefined : String(user);
  }

  /** Whether sessions without a user have taken their share of the memory of the server that has this key. */
  async isFullOfAnonymous(key: string): Promise<boolean> {
    if (this.#anonymousShare === undefined) return false;
    const server = this.calls.serverOf(key);
    const memory =
      this.#memories.get(server) ?? new RedisMemory(() => this.calls.readAt(key, 'time', 'INFO', 'memory'));
    this.#memories.set(server, memory);
    return memory.isBeyond(this.#anonymousShare);
  }

  /** Where the scripts say which session has ended. */
  get channel(): string {
    return `${this.prefix}ended`;
  }

  keyOf(id: string): string {
    return this.keyOfHandle(this.handleOf(id));
  }

  keyOfHandle(handle: string): string {
    return this.prefix + keyOfHandle(handle);
  }

  markKeyOf(id: string): string {
    return `${this.keyOf(id)}:moved`;
  }

  /** The sorted set of a user's sessions. */
  indexOf(user: string): string {
    return `${this.prefix}user:${shortHash(user)}`;
  }

  /** What answers a repeat must outlive a failover, as what answers the request itself. */
  async #confirmed<T>(id: string, found: T | null): Promise<T | null> {
    if (found !== null) await this.calls.confirm(this.keyOf(id));
    return found;
  }

  /** Notes that its life was extended just now. */
  noteExtended(key: string): void {
    this.#extended.note(key);
  }

  /** Null if there is none, undefined if the key is of another type. */
  async #get(key: string, lifeMs: number): Promise<string | null | undefined> {
    const isDue = this.#extended.isDue(key, lifeMs / 60);
    const command = isDue ? ['GETEX', key, 'PX', String(lifeMs)] : ['GET', key];
    const text = await this.calls.read<string | null>('get', ...command).catch(ignoreWrongType);
    if (isDue && typeof text === 'string') this.#extended.note(key);
    return text;
  }
}

function hasReplicas(client: unknown): boolean {
  return client instanceof PrimaryClient || client instanceof ClusterClient;
}

function ignoreWrongType(err: unknown): undefined {
  const { cause } = err as { cause?: unknown };
  if (!(cause instanceof Error && cause.message.startsWith('WRONGTYPE'))) throw err;
}

function defaultUserOf({ user }: Attributes): unknown {
  return (user as { id?: unknown } | null | undefined)?.id;
}
