import type { Request, RequestHandler } from 'express';
import session, { type Store } from 'express-session';
import { type KnownCookies, cookieName, cookieOptions, readSignedId, sayMaxAge, takeOverCookie } from './cookie.ts';
import { newSessionId } from './hash.ts';
import type { Stored } from './record.ts';
import { canHold } from './respond.ts';
import { sendAfterCommit } from './send-after-commit.ts';
import { type AnyRequest, type AnyResponse, type RequestState, setState } from './state.ts';
import { DurableStore } from './store.ts';

export interface SessionsOptions {
  store: Store;
  /** The first signs, all verify: put a new one first, and take the old one away once its cookies have ended. */
  secrets: string[];
  /** Give the cookie out over TLS alone. */
  secureOnly?: boolean;
  /** The cookie of the set-up that went before (express-session's own name is connect.sid): it is taken for ours. */
  migrateCookie?: string | undefined;
  /** How long the cookie lives; by default as long as the store keeps a session that is not used. */
  idleSeconds?: number;
}

type Next = (err?: unknown) => void;

/**
 * Builds the middleware that gives each request its `req.session`; goes behind the parser of bodies. With a DurableStore it
 * takes any request of Node's http, also without Express, and a WebSocket's upgrade whose response is `{}`.
 *
 * The cookie is `sid`, and over TLS `__Host-sid` with Secure. With a DurableStore a response leaves only after its session
 * change is stored. Nothing is stored, and no cookie set, for a visitor until the first write.
 * @throws {TypeError} for secrets that are missing or too short
 */
export function createSessions(options: SessionsOptions): RequestHandler {
  checkSecrets(options.secrets);
  const { store, idleSeconds } = options;
  if (!(store instanceof DurableStore)) return createPlainSessions(options, idleSeconds ?? 3600);
  return createDurableSessions(store, options, idleSeconds ?? store.idleSeconds);
}

/** A secret of 32 random characters of base64 cannot be guessed; development's own is as long. */
const minSecretLength = 16;

function checkSecrets(secrets: unknown): void {
  const isGood = (secret: unknown) => typeof secret === 'string' && secret.length >= minSecretLength;
  if (Array.isArray(secrets) && secrets.length > 0 && secrets.every(isGood)) return;
  throw new TypeError(`secrets must be a list of strings of at least ${minSecretLength} characters each`);
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
  const { secrets, secureOnly = false, migrateCookie } = options;
  const cookieFor = (req: AnyRequest) => ({ ...cookieOptions(req, secureOnly), maxAge: idleSeconds * 1000 });
  const known: KnownCookies = new Map();
  store.cookieFor = cookieFor as DurableStore['cookieFor'];

  async function load(req: AnyRequest, res: AnyResponse, next: Next): Promise<void> {
    const name = cookieName(req);
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
  req.sessionStore = store;
  store.attach(req, stored);
}
