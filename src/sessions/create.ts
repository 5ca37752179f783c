import type { CookieOptions, RequestHandler } from 'express';
import { takenOverId } from './hash.ts';
import { isSafe } from './idempotency.ts';
import { checkOptions, type SessionsOptions } from './options.ts';
import type { Stored } from './record.ts';
import { SessionRepository } from './repository.ts';
import { attach } from './request/attach.ts';
import { type AnyRequest, type AnyResponse, RequestState, type SignedId, setState } from './request/state.ts';
import { cookieName, isBelow, isSecure, type KnownCookies, readSignedId } from './response/cookie.ts';
import { sendAfterCommit } from './response/send-after-commit.ts';
import { SessionStore } from './store.ts';

type Next = (err?: unknown) => void;

/**
 * Builds the middleware that gives each request its `req.session`; goes behind the parser of bodies. It takes any request
 * of Node's http and http2, also without Express or without a server, as adapters for AWS Lambda make them, and a
 * WebSocket's upgrade whose response is `{}`.
 *
 * A response leaves only after its session change is stored. Nothing is stored, and no cookie set, for a visitor until the
 * first write. The cookie is `sid`, and over TLS `__Host-sid` with Secure.
 * @throws {TypeError} that names the option which is unknown, missing or wrong
 * @example
 * app.use(createSessions({ client, secrets: [process.env.SESSION_SECRET] }));
 */
export function createSessions(options: SessionsOptions): RequestHandler {
  checkOptions(options);
  const { secrets, rolling = false, migrateFrom, migrateCookie = 'connect.sid', cookie: choices = {} } = options;
  const [secret] = secrets as [string];
  const repository = new SessionRepository(options);
  const { idleMs } = repository;
  const cookieFor = (req: AnyRequest): CookieOptions => {
    return { httpOnly: true, sameSite: 'strict', path: '/', secure: isSecure(req), ...choices, maxAge: idleMs };
  };
  // A browser accepts a cookie named __Host- only without a domain, and for the path /.
  const isForHost = choices.domain === undefined && (choices.path ?? '/') === '/';
  const nameFor = (req: AnyRequest) => options.name ?? (isForHost ? cookieName(req) : 'sid');
  const store = new SessionStore(repository, cookieFor, options.genid);
  const known: KnownCookies = new Map();
  const knownOld: KnownCookies = new Map();

  function begin(
    req: AnyRequest,
    res: AnyResponse,
    next: Next,
    name: string,
    cookie: SignedId | undefined,
    stored: Stored | undefined,
  ): void {
    const state = new RequestState(store, cookie, repository.clock.known ?? Date.now());
    setState(req, state);
    if (cookie && !stored) state.presentedId = cookie.id;
    attach(req, state, cookie && stored ? cookie.id : store.newId(req), stored);
    const settings = { name, secret, cookieFor, idleMs, rolling };
    if ('writableEnded' in res) {
      // else it is a WebSocket's upgrade
      state.response = res;
      sendAfterCommit(req, res, state, settings, next);
    }
    next();
  }

  /** A session of plain connect-redis gets a new id: a cookie that another site has planted must not become ours. */
  async function takeOver(req: AnyRequest): Promise<{ id: string; stored: Stored } | undefined> {
    const old = readSignedId(req.headers.cookie, migrateCookie, secrets, knownOld);
    if (!old) return undefined;
    const id = takenOverId(old.id, secrets.at(-1) as string);
    const stored = (await repository.takeOver(`${migrateFrom}${old.id}`, id)) && (await repository.read(id));
    return stored ? { id, stored } : undefined;
  }

  return function sessions(req: AnyRequest, res: AnyResponse, next: Next) {
    if (req.session || !isBelow(req, choices.path ?? '/')) return next(); // it has one, or its cookie could not come here
    req.sessionStore = store; // also for the error handler, if Redis is away
    const name = nameFor(req);
    const cookie = readSignedId(req.headers.cookie, name, secrets, known);
    if (cookie) {
      repository.read(cookie.id, cookie.lifeMs).then((stored) => {
        const proceed = () => begin(req, res, next, name, cookie, stored);
        if (stored || isSafe(req)) proceed();
        // That there is none may be how a logout is acknowledged, whose own outcome was unknown.
        else repository.calls.confirm(repository.keyOf(cookie.id)).then(proceed, next);
      }, next);
    } else if (migrateFrom !== undefined) {
      takeOver(req).then((old) => {
        begin(req, res, next, name, old && { id: old.id, at: undefined, lifeMs: undefined }, old?.stored);
      }, next);
    } else begin(req, res, next, name, undefined, undefined);
  } as unknown as RequestHandler;
}
