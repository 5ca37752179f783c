import { RedisStore } from 'connect-redis';
import type { CookieOptions, SessionData } from 'express-session';
import { type Change, type Changed, claimKey, makeChange } from './change.ts';
import { createTell, orTellFailed, type SessionEvent, type Tell, tellReplayed } from './events.ts';
import { newSessionId, shortHash } from './hash.ts';
import { mergeAttributes } from './merge.ts';
import type { Attributes, Stored } from './record.ts';
import * as record from './record.ts';
import { checkStoreOptions } from './options.ts';
import { createRecently, type Recently } from './redis/recently.ts';
import { RedisClock } from './redis/clock.ts';
import { createRedisCalls, type RedisCalls } from './redis/commands.ts';
import { endScript } from './redis/scripts.ts';
import { type AnyRequest, forgetSession, inTurn, stateOf } from './state.ts';

export interface DurableStoreOptions {
  /** A node-redis client (`createClient`), connected or connecting. Whoever made it closes it. */
  client: RedisStore['client'];
  /** What the keys in Redis begin with. */
  prefix?: string;
  /** A session that is not used for so long ends. */
  idleSeconds?: number;
  /** A session ends so long after it began, used or not. */
  absoluteSeconds?: number;
  /** How long a call to Redis may take. */
  deadlineMs?: number;
  /** The largest session, as JSON. */
  maxBytes?: number;
  /** The most sessions of one user; one more ends the oldest. */
  maxPerUser?: number;
  /** Whose session it is; by default `session.user.id`. Undefined for a visitor who is not logged in. */
  userOf?: (session: Attributes) => string | undefined;
  /** The prefix of plain connect-redis, whose sessions are taken over as they are used. */
  migrateFrom?: string;
  /** Is called with what happens to sessions and in Redis, to count it: see SessionEvent. By default nobody is told. */
  observe?: (event: SessionEvent) => unknown;
}

const noListing =
  'A DurableStore lists the sessions of a user alone: listSessions(req, user), revokeSessions(req, user)';

type CreateSession = Parameters<RedisStore['createSession']>;

/** The session of a request. */
interface Attached {
  /** What stood when the request came. */
  stored: Stored | undefined;
  /** Its object, once somebody has looked at it. */
  session: object | null | undefined;
}

/**
 * A store for express-session on one Redis (not a Cluster): one command a read, one a write, no lost update, and no
 * session that comes back after it ended. Keys hold a hash of the session's id.
 */
export class DurableStore extends RedisStore {
  readonly idleSeconds: number;
  readonly clock: RedisClock;
  readonly calls: RedisCalls;
  readonly tell: Tell;
  readonly userOf: (session: Attributes) => string | undefined;
  /** How a session's cookie is given out; createSessions sets it, for it depends on the request. */
  cookieFor: (req: CreateSession[0]) => CookieOptions = () => ({});
  readonly absoluteMs: number;
  readonly maxBytes: number;
  readonly maxPerUser: number;
  readonly deadlineMs: number;
  readonly #migrateFrom: string | undefined;
  readonly #extended: Recently;
  readonly #stored = new WeakMap<object, Stored>();
  readonly #attached = new WeakMap<object, Attached>();

  /** @throws {TypeError} that names the option which is unknown, missing or wrong */
  constructor(options: DurableStoreOptions) {
    checkStoreOptions(options);
    const { client, prefix = 'session:', idleSeconds = 3600, absoluteSeconds = 43_200, deadlineMs = 500 } = options;
    super({ client, prefix, ttl: idleSeconds });
    this.idleSeconds = idleSeconds;
    this.userOf = options.userOf ?? defaultUserOf;
    this.absoluteMs = absoluteSeconds * 1000;
    this.maxBytes = options.maxBytes ?? 16_384;
    this.maxPerUser = options.maxPerUser ?? 100;
    this.deadlineMs = deadlineMs;
    this.#migrateFrom = options.migrateFrom;
    this.#extended = createRecently((idleSeconds * 1000) / 60);
    this.tell = createTell(options.observe);
    this.calls = createRedisCalls(client, deadlineMs, this.tell);
    this.clock = new RedisClock(() => this.calls.read('time', (redis) => redis.time()));
  }

  // What express-session calls.

  /** Reads a session and extends its life where that is due, in one command. */
  override async get(sid: string, done: Done<SessionData | null> = ignore): Promise<void> {
    await call(async () => {
      const stored = await this.read(sid);
      return stored ? this.#toSessionData(stored) : null;
    }, done);
  }

  /** Saves the session object of a request; where nothing was changed that is done at once. */
  override set(sid: string, session: SessionData, done: Done = ignore): Promise<void> {
    const { req } = session as { req?: AnyRequest };
    if (!this.isChanged(session) && !stateOf(req)?.pendingWrites) return callNow(done);
    const save = async () => {
      if (!this.isChanged(session)) return;
      const changed = await this.save(sid, session, claimKey(req));
      if (changed.outcome === 'replayed') tellReplayed(this, req);
    };
    return call(() => orTellFailed(this, req, () => inTurn(req, save)), done);
  }

  /** What others offer for all sessions would read through all keys of Redis. */
  override async all(done: (err: unknown) => void = ignore): Promise<void> {
    done(new Error(noListing));
  }

  override async ids(done: (err: unknown) => void = ignore): Promise<void> {
    done(new Error(noListing));
  }

  override async length(done: (err: unknown) => void = ignore): Promise<void> {
    done(new Error(noListing));
  }

  override async clear(done: (err: unknown) => void = ignore): Promise<void> {
    done(new Error(noListing));
  }

  override async destroy(sid: string, done: Done = ignore): Promise<void> {
    await call(() => orTellFailed(this, undefined, () => this.end(sid)), done);
  }

  /** Gives a request a new session, in place of one that was ended: express-session's regenerate(). */
  generate(req: CreateSession[0]): void {
    req.sessionID = newSessionId();
    this.createSession(req, { cookie: {} } as SessionData);
  }

  /** Nothing to do: the read has extended the session's life. */
  override touch(_sid: string, _session: SessionData, done: Done = ignore): Promise<void> {
    return callNow(done);
  }

  /** Makes the request's session object from what `get` has given. */
  override createSession(...[req, data]: CreateSession) {
    const stored = this.#stored.get(data);
    const session = super.createSession(req, data);
    Object.assign(session.cookie, this.cookieFor(req));
    // express-session leaves out what every object has, such as an attribute named constructor: it would be lost.
    for (const [name, value] of Object.entries(data))
      if (name in Object.prototype) Object.assign(session, { [name]: value });
    if (stored) this.#stored.set(session, stored);
    const attached = this.#attached.get(req);
    if (attached) {
      attached.session = session;
      if (!Object.getOwnPropertyDescriptor(req, 'session')?.get) this.#expose(req, attached); // it was deleted before
    }
    return session;
  }

  // What this layer calls.

  /** What stands in Redis for a session object, as far as its request knows; undefined for a new one. */
  storedOf(session: object): Stored | undefined {
    return this.#stored.get(session);
  }

  isChanged(session: object): boolean {
    const json = this.#stored.get(session)?.json ?? '{}';
    const now = record.attributesOf(session);
    if (JSON.stringify(now) === json) return false;
    const [shown, stands] = [record.textsOf(now), record.textsOf(JSON.parse(json))];
    return shown.size !== stands.size || [...shown].some(([name, text]) => stands.get(name) !== text);
  }

  /**
   * Gives a request its session, which is parsed when it is first looked at: many requests never do.
   * @param stored what stands for it; undefined for a new one
   */
  attach(req: AnyRequest, stored: Stored | undefined): void {
    const attached: Attached = { stored, session: undefined };
    this.#attached.set(req, attached);
    this.#expose(req, attached);
  }

  #expose(req: AnyRequest, attached: Attached): void {
    Object.defineProperty(req, 'session', {
      configurable: true,
      enumerable: true,
      get: () => {
        if (attached.session === undefined) {
          const data = attached.stored ? this.#toSessionData(attached.stored) : ({ cookie: {} } as SessionData);
          this.createSession(req as CreateSession[0], data);
        }
        return attached.session;
      },
      set(session) {
        attached.session = session;
      },
    });
  }

  /** Whether the request still has a session; it need not have been looked at. */
  hasSession(req: AnyRequest): boolean {
    return Object.hasOwn(req, 'session') && this.#attached.get(req)?.session !== null;
  }

  /** What stands in Redis for a request's session, as far as it knows; undefined for a new one. */
  storedFor(req: AnyRequest): Stored | undefined {
    if (!this.hasSession(req)) return undefined;
    const attached = this.#attached.get(req);
    if (!attached?.session) return attached?.stored;
    return this.#stored.get(attached.session);
  }

  isRequestChanged(req: AnyRequest): boolean {
    const session = this.hasSession(req) && this.#attached.get(req)?.session;
    return session ? this.isChanged(session) : false;
  }

  /** Undoes what a request has done to its session and did not save: it shows what stands, or there is none. */
  reset(req: AnyRequest): void {
    const [session, stored] = [this.#attached.get(req)?.session, this.storedFor(req)];
    if (!stored) forgetSession(req);
    else if (session) this.adopt(session, stored);
  }

  /** Makes a session object show what stands in Redis. */
  adopt(session: object, stored: Stored): void {
    this.#stored.set(session, stored);
    record.replaceAttributes(session, record.readAttributes(stored));
  }

  /** Notes what was written, and shows what others have changed. @param before the attributes when the write began */
  keepUp(session: object, stored: Stored, before: Map<string, string>): void {
    this.#stored.set(session, stored);
    record.bringUpToDate(session, before, record.readAttributes(stored));
  }

  /** Gives the request this session in place of the one that it has; the objects in it stay. */
  adoptAs(req: CreateSession[0], id: string, stored: Stored, before?: Map<string, string>): void {
    const shown = before && record.attributesOf(req.session);
    req.sessionID = id;
    const session = this.createSession(req, this.#toSessionData(stored));
    if (!shown || !before) return;
    record.replaceAttributes(session, shown);
    this.keepUp(session, stored, before);
  }

  /** @throws {SessionError} store-unavailable */
  async read(sid: string): Promise<Stored | undefined> {
    const text = (await this.#getEx(sid)) ?? (await this.#takeOver(sid));
    if (text === null) return undefined;
    const stored = record.readStored(text);
    if (stored.createdAt === 0 || (await this.clock.now()) < stored.createdAt + this.absoluteMs) return stored;
    await this.end(sid, record.readAttributes(stored), 'expired');
    return undefined;
  }

  /** Saves what a request has done to its session object by plain `session.x = …`, merged with what others have done. */
  async save(sid: string, session: object, answer?: Change['answer']): Promise<Changed> {
    const base = this.#stored.get(session);
    const [began, mine] = [record.readAttributes(base), record.copyAttributes(record.attributesOf(session))];
    const before = record.textsOf(mine);
    const apply = (standing: Attributes) => mergeAttributes(began, mine, standing);
    const changed = await makeChange(this, { id: sid, base, apply, anew: 'merged', answer });
    if (changed.outcome === 'saved') this.keepUp(session, changed.stored, before);
    else if (base) this.adopt(session, base); // what was done before this call was done the first time, too
    return changed;
  }

  /** Ends a session. With its attributes known its user's index forgets it at once, else when it is next read. */
  async end(sid: string, attributes?: Attributes, as: 'logged_out' | 'expired' = 'logged_out'): Promise<void> {
    const user = attributes && this.userOf(attributes);
    const keys = [this.indexOf(user ?? '')];
    const ended = await this.calls.run<number>(endScript, keys, [this.prefix, shortHash(sid)]);
    if (ended > 0) this.tell({ type: as }); // else another request was faster
  }

  /** True where a session has moved from this id within the last minute. */
  async hasMoved(sid: string): Promise<boolean> {
    return (await this.calls.read('find', (redis) => redis.get(`${this.keyOf(sid)}:moved`))) !== null;
  }

  keyOf(sid: string): string {
    return this.prefix + shortHash(sid);
  }

  /** The sorted set of a user's sessions. */
  indexOf(user: string): string {
    return `${this.prefix}user:${shortHash(user)}`;
  }

  /** Reads a session; its life is extended where this process has not done so for a sixtieth of it. */
  async #getEx(sid: string): Promise<string | null> {
    const key = this.keyOf(sid);
    if (!this.#extended.isDue(key)) return this.calls.read('get', (redis) => redis.get(key));
    const text = await this.calls.read('get', (redis) => redis.getEx(key, { type: 'EX', value: this.idleSeconds }));
    if (text !== null) this.#extended.note(key);
    return text;
  }

  /** A session of plain connect-redis gets its new key, by whoever is first, and is then read by all under that. */
  async #takeOver(sid: string): Promise<string | null> {
    if (this.#migrateFrom === undefined) return null;
    const plainKey = this.#migrateFrom + sid;
    await this.calls.read('migrate', (redis) => redis.renameNX(plainKey, this.keyOf(sid)).catch(ignoreMissing));
    return this.#getEx(sid);
  }

  #toSessionData(stored: Stored): SessionData {
    const data = { ...record.readAttributes(stored), cookie: {} } as SessionData;
    this.#stored.set(data, stored);
    return data;
  }
}

type Done<T = void> = (err: unknown, value?: T) => void;

function ignore(): void {}

/** Calls back at once, so that what the callback throws reaches the caller. */
function callNow(done: Done): Promise<void> {
  done(null);
  return Promise.resolve();
}

/** Calls back outside of the `try`, so that a callback that throws does not run twice (connect-redis's does). */
async function call<T>(work: () => Promise<T>, done: Done<T>): Promise<void> {
  const outcome = await work().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome) done(outcome.error);
  else done(null, outcome.value);
}

function ignoreMissing(err: unknown): void {
  if (!(err instanceof Error && err.message.startsWith('ERR no such key'))) throw err;
}

function defaultUserOf({ user }: Attributes): string | undefined {
  const id = (user as { id?: unknown } | undefined)?.id;
  return id === undefined || id === null ? undefined : String(id);
}
