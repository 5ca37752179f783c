import type { Request, RequestHandler } from 'express';
import session, { type Store } from 'express-session';
import { createCommit } from './commit.ts';
import { cookieOptions, createMaxAge } from './cookie.ts';
import { rememberPresented } from './idempotency.ts';
import { DurableStore } from './store.ts';

export interface SessionsOptions {
  store: Store;
  /** The first signs, all verify: put a new one first, and take the old one away once its cookies have ended. */
  secrets: string[];
  /** Give the cookie out over TLS alone. */
  secureOnly?: boolean;
  /** How long the cookie lives; by default as long as the store keeps a session that is not used. */
  idleSeconds?: number;
}

/**
 * Builds the middleware that gives each request its `req.session`; goes behind the parser of bodies.
 *
 * The cookie is `sid`, and over TLS `__Host-sid` with Secure. With a DurableStore an answer leaves only after its session
 * change is stored. Nothing is stored, and no cookie set, for a visitor until the first write.
 */
export function createSessions({ store, secrets, secureOnly = false, ...options }: SessionsOptions): RequestHandler[] {
  const idleSeconds = options.idleSeconds ?? (store instanceof DurableStore ? store.idleSeconds : 3600);
  const cookie = (req: Request) => ({ ...cookieOptions(req, secureOnly), maxAge: idleSeconds * 1000 });
  const common = { store, secret: secrets, cookie, resave: false, saveUninitialized: false };
  const overTls = session({ ...common, name: '__Host-sid' });
  const overHttp = session({ ...common, name: 'sid' });
  const load: RequestHandler = function loadSession(req, res, next) {
    (req.secure ? overTls : overHttp)(req, res, next);
  };
  const maxAge = createMaxAge(idleSeconds);
  if (!(store instanceof DurableStore)) return [maxAge, load];
  notePresentedIds(store);
  store.cookieFor = cookie;
  return [maxAge, load, createCommit(store)];
}

/** express-session makes a new id where nothing stands under that of the cookie, and forgets that one. */
function notePresentedIds(store: Store): void {
  const generating = store as Store & { generate(req: Request): void };
  const { generate } = generating;
  generating.generate = function generateAndNote(req) {
    rememberPresented(req, req.sessionID);
    generate(req);
  };
}
