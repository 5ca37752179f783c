import type { Request, RequestHandler } from 'express';
import session from 'express-session';
import {
  type KnownCookies,
  cookieName,
  cookieOptions,
  readSignedId,
  sayMaxAge,
  takeOverCookie,
} from './response/cookie.ts';
import { newSessionId } from './hash.ts';
import { checkOptions, type SessionsOptions } from './options.ts';
import type { Stored } from './record.ts';
import { canHold } from './response/hold.ts';
import { sendAfterCommit } from './response/send-after-commit.ts';
import { type AnyRequest, type AnyResponse, type RequestState, setState } from './state.ts';
import { DurableStore } from './store.ts';

type Next = (err?: unknown) => void;

/**
 * Builds the middleware that gives each request its `req.session`; goes behind the parser of bodies. With a DurableStore it
 * takes any request of Node's http, also without Express, and a WebSocket's upgrade whose response is `{}`.
 *
 * The cookie is `sid`, and over TLS `__Host-sid` with Secure. With a DurableStore a response leaves only after its session
 * change is stored. Nothing is stored, and no cookie set, for a visitor until the first write.
 * @throws {TypeError} that names the option which is unknown, missing or wrong
 */
export function createSessions(options: SessionsOptions): RequestHandler {
  checkOptions(options);
  const { store, idleSeconds } = options;
  if (!(store instanceof DurableStore)) return createPlainSessions(options, idleSeconds ?? 3600);
  return createDurableSessions(store, options, idleSeconds ?? store.idleSeconds);
}

/** express-session itself, with the cookie of this layer. */
function createPlainSessions({ store, secrets, secureOnly = false }: SessionsOptions, idleSeconds: number) {
  const cookie = (req: Request) => ({ ...cookieOptions(req, secureOnly), maxAge: idleSeconds * 1000 });
  const common = { store, secret: secrets, cookie, resave: false, saveUninitialized: false };
  const overTls = session({ ...common, name: '__Host-sid' });
  const overHttp = session({ ...common, name: 'sid' });
  return function loadSession(req, res, next) {
    sayMaxAge(req, res, (err) => (err ? next(err) : (req.secure ? overTls : overHttp)(req, res, next)));
  } satisfies RequestHandler;
}

function createDurableSessions(store: DurableStore, options: SessionsOptions, idleSeconds: number): RequestHandler {
  const { secrets, secureOnly = false, migrateCookie, cookie: choices = {} } = options;
  const maxAge = idleSeconds * 1000;
  const cookieFor = (req: AnyRequest) => ({ ...cookieOptions(req, secureOnly), ...choices, maxAge });
  // A browser takes a cookie named __Host- only without a domain, and for the path /.
  const isForHost = choices.domain === undefined && (choices.path ?? '/') === '/';
  const nameFor = (req: AnyRequest) => options.name ?? (isForHost ? cookieName(req) : 'sid');
  const known: KnownCookies = new Map();
  store.cookieFor = cookieFor as DurableStore['cookieFor'];

  async function load(req: AnyRequest, res: AnyResponse, next: Next): Promise<void> {
    req.sessionStore = store; // also for the error handler, if Redis is away
    const name = nameFor(req);
    const header = migrateCookie === undefined ? req.headers.cookie : takeOverCookie(req, migrateCookie, name);
    const cookie = readSignedId(header, name, secrets, known);
    const stored = cookie && (await store.read(cookie.id));
    const state: RequestState = {
      cookie,
      presentedId: cookie && !stored ? cookie.id : undefined,
      startedAt: store.clock.estimate,
      writes: Promise.resolve(),
      pendingWrites: 0,
      updates: 0,
      hasFailed: false,
      clearsCookie: false,
    };
    setState(req, state);
    const id = cookie && stored ? cookie.id : newSessionId();
    attach(req, store, id, stored);
    const settings = { name, secret: secrets[0] as string, cookieFor, idleSeconds };
    if (canHold(res)) sendAfterCommit(store, req, res, state, settings, next);
  }

  return function sessions(req: AnyRequest, res: AnyResponse, next: Next) {
    if (req.session) return next(); // another one was here before
    load(req, res, next).then(() => next(), next);
  } as unknown as RequestHandler;
}

/** Gives a request its session, which is parsed when it is first looked at: many requests never do. */
function attach(req: AnyRequest, store: DurableStore, id: string, stored: Stored | undefined): void {
  req.sessionID = id;
  store.attach(req, stored);
}
