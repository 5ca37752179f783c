import { createHash } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import session, { type Store } from 'express-session';
import { commitBeforeRespond } from './commit.ts';
import { cookieName, cookieOptions, createMaxAge } from './cookie.ts';
import { DurableStore } from './durable-store.ts';

export { DurableStore, StoreError } from './durable-store.ts';
export { listSessions, type SessionEntry } from './list.ts';

declare module 'express-session' {
  interface SessionData {
    /** When this session began, in ISO 8601; set by createSessions. */
    createdAt?: string;
  }
}

export interface SessionsOptions {
  store: Store;
  /** The first signs, all verify. */
  secrets: string[];
  /** How long a session and its cookie live without use. */
  idleSeconds: number;
  /** Give the cookie out over TLS alone. */
  secureOnly: boolean;
}

const fresh = new WeakSet<object>();

/**
 * Builds the middleware that gives each request its `req.session`.
 *
 * The cookie is `sid`, and over TLS `__Host-sid` with Secure. With a DurableStore an answer leaves only after its session change
 * is stored. Nothing is stored, and no cookie set, for a visitor until the first write.
 */
export function createSessions({ store, secrets, idleSeconds, secureOnly }: SessionsOptions): RequestHandler[] {
  const cookie = (req: Request) => ({ ...cookieOptions(req, secureOnly), maxAge: idleSeconds * 1000 });
  const common = { store, secret: secrets, cookie, resave: false, saveUninitialized: false };
  const overTls = session({ ...common, name: '__Host-sid' });
  const overHttp = session({ ...common, name: 'sid' });
  stampNewSessions(store);
  const load: RequestHandler = function loadSession(req, res, next) {
    (req.secure ? overTls : overHttp)(req, res, next);
  };
  const maxAge = createMaxAge(idleSeconds);
  return store instanceof DurableStore ? [maxAge, load, commitBeforeRespond] : [maxAge, load];
}

/** Gives each new session its `createdAt` before express-session decides whether it was changed. */
function stampNewSessions(store: Store): void {
  const generating = store as Store & { generate(req: Request): void };
  const { generate } = generating;
  generating.generate = function generateStamped(req) {
    generate(req);
    req.session.createdAt = new Date().toISOString();
    fresh.add(req.session);
  };
}

/** True where the request's session was read from the store; false for a visitor for whom nothing is stored. */
export function isStored(req: Request): boolean {
  return !fresh.has(req.session);
}

/** What a session is called towards its user: never its id, which is what opens it. */
export function sessionHandle(id: string): string {
  return createHash('sha256').update(`session handle ${id}`).digest('base64url').slice(0, 22);
}

/** Moves the session's data to a new id and ends the old one, so that an id known before a login opens nothing after it. */
export async function renewSession(req: Request): Promise<void> {
  const { cookie: _cookie, createdAt: _createdAt, ...data } = req.session;
  await new Promise<void>((resolve, reject) => req.session.regenerate((err) => (err ? reject(err) : resolve())));
  Object.assign(req.session, data);
}

/** Ends the request's session and clears its cookie. */
export async function destroySession(req: Request, res: Response): Promise<void> {
  await new Promise<void>((resolve, reject) => req.session.destroy((err) => (err ? reject(err) : resolve())));
  res.clearCookie(cookieName(req), cookieOptions(req, req.secure));
}
