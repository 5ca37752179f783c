import type { Request, RequestHandler } from 'express';
import session, { type Store } from 'express-session';
import { createCommit } from './commit.ts';
import { cookieOptions, createCookieMigration, sayMaxAge } from './cookie.ts';
import { rememberPresented } from './idempotency.ts';
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
  const before =
    options.migrateCookie === undefined ? [sayMaxAge] : [sayMaxAge, createCookieMigration(options.migrateCookie)];
  if (!(store instanceof DurableStore)) return [...before, load];
  notePresentedIds(store);
  store.cookieFor = cookie;
  return [...before, load, createCommit(store)];
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
