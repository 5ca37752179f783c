import type { CookieOptions } from 'express';
import session, { type SessionData } from 'express-session';
import { type Change, type Changed, claimKey, makeChange } from './change.ts';
import { newSessionId } from './hash.ts';
import { mergeAttributes } from './merge.ts';
import { lifetimeOf, readAttributes, type Stored } from './record.ts';
import { reportReplayed, withFailureReported } from './report.ts';
import type { SessionRepository } from './repository.ts';
import { adoptAs, attach, forgetSession } from './request/attach.ts';
import { adopt, isChanged, jsonOf, keepUp, RequestSession } from './request/session.ts';
import {
  type AnyRequest,
  inTurn,
  type RequestState,
  requireState,
  type SessionOwner,
  stateOf,
} from './request/state.ts';

type Done<T = void> = (err: unknown, value?: T) => void;

/**
 * `req.sessionStore`: what express-session's session objects and applications call. Every method takes a callback; without
 * one it returns a promise that rejects.
 */
export class SessionStore extends session.Store implements SessionOwner {
  readonly repository: SessionRepository;
  readonly cookieFor: (req: AnyRequest) => CookieOptions;
  readonly newId: SessionOwner['newId'];
  readonly #loaded = new WeakMap<object, Stored>();

  constructor(
    repository: SessionRepository,
    cookieFor: (req: AnyRequest) => CookieOptions,
    genid?: (req: AnyRequest) => string,
  ) {
    super();
    this.repository = repository;
    this.cookieFor = cookieFor;
    this.newId = genid ?? ((_req, home) => newSessionId(home));
  }

  override get(id: string, done?: Done<SessionData | null>) {
    return call(async () => {
      const stored = await this.repository.read(id);
      if (!stored) return null;
      const data = { ...readAttributes(stored), cookie: {} } as SessionData;
      this.#loaded.set(data, stored);
      return data;
    }, done) as never;
  }

  /** Saves the session object of a request; calls back at once if nothing was changed. */
  override set(id: string, object: SessionData, done?: Done) {
    const { req } = object as { req?: AnyRequest };
    const state = stateOf(req);
    const own = object as unknown as RequestSession;
    if (!isChanged(own) && !state?.pendingWrites) return callNow(done) as never;
    const save = async () => {
      if (!isChanged(own)) return;
      const changed = await this.save(id, own, claimKey(req));
      if (changed.outcome === 'replayed') reportReplayed(this.repository, req);
    };
    return call(() => withFailureReported(this.repository, req, () => inTurn(state, save)), done) as never;
  }

  override destroy(id: string, done?: Done) {
    return call(() => withFailureReported(this.repository, undefined, () => this.repository.end(id)), done) as never;
  }

  /** Nothing to do: the read has extended the session's life. */
  override touch(_id: string, _object: SessionData, done?: Done) {
    return callNow(done) as never;
  }

  discard(id: string): void {
    this.repository.discard(id);
  }

  /** Gives a request a new session, in place of one that was ended: express-session's regenerate(). */
  generate(req: AnyRequest): void {
    const state = requireState(req);
    attach(req, state, this.newId(req), undefined);
    state.session = undefined;
  }

  /** Gives a request the session that `get` has read: express-session's reload(). */
  override createSession(req: never, data: SessionData) {
    const stored = this.#loaded.get(data);
    const { sessionID } = req as AnyRequest;
    if (stored && stateOf(req)) adoptAs(req, sessionID as string, stored);
    return (stateOf(req)?.session ?? new RequestSession(req, stored)) as never;
  }

  // What other stores offer for all sessions would read every key of Redis.
  override all = unlisted as never;
  ids = unlisted;
  override length = unlisted as never;
  override clear = unlisted as never;

  /** Saves what a request has done to its session object, merged with what others have done. */
  async save(id: string, object: RequestSession, answer?: Change['answer']): Promise<Changed> {
    const { repository } = this;
    const base = RequestSession.storedOf(object);
    const [json, cookie] = [jsonOf(object), RequestSession.ownCookieOf(object)];
    if (lifetimeOf(cookie, repository.idleMs) <= 0) return this.#endByCookie(id, object, base);
    const apply: Change['apply'] = (current) =>
      mergeAttributes(readAttributes(base), JSON.parse(json), current, repository.lastWriteWins);
    const changed = await makeChange(repository, { id, base, json, cookie, apply, again: 'merged', answer });
    if (changed.outcome === 'saved') keepUp(object, changed.stored, json, changed.attributes);
    else if (base) adopt(object, base); // what was done before this call was done the first time, too
    return changed;
  }

  /** The application has ended it with `req.session.cookie.maxAge = 0`. */
  async #endByCookie(id: string, object: object, base: Stored | undefined): Promise<Changed> {
    if (base) await this.repository.end(id, readAttributes(base));
    const { req } = object as { req: AnyRequest };
    forgetSession(req);
    requireState(req).clearsCookie = true;
    return { outcome: 'ended' };
  }
}

/** The store that has handled a request. */
export function storeOf(state: RequestState): SessionStore {
  return state.store as SessionStore;
}

/** A session that ended under its request takes the cookie along, unless it moved: then the visitor has a new cookie. */
export async function takeCookie(req: AnyRequest, state: RequestState): Promise<void> {
  const mark = await storeOf(state)
    .repository.markOf(req.sessionID as string)
    .catch(() => null);
  forgetSession(req);
  if (mark === null) state.clearsCookie = true;
}

const notListed = 'Sessions are listed by user only: listSessions(req, user), revokeSessions(req, user)';

function unlisted(done?: Done): Promise<void> {
  return call(() => Promise.reject(new Error(notListed)), done) as Promise<void>;
}

/** Calls back at once, so that what the callback throws reaches the caller. */
function callNow(done: Done | undefined): Promise<void> | undefined {
  if (!done) return Promise.resolve();
  done(null);
}

/** Calls back outside of the `try`, so that a callback that throws does not run twice (connect-redis's does). */
function call<T>(work: () => Promise<T>, done: Done<T> | undefined): Promise<T> | undefined {
  if (!done) return work();
  work()
    .then(
      (value) => () => done(null, value),
      (err: unknown) => () => done(err),
    )
    .then((callBack) => callBack());
}
