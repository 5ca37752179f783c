import { hash } from 'node:crypto';
import { RedisStore } from 'connect-redis';
import type { CookieOptions, Request, RequestHandler, Response } from 'express';
import session, { type SessionData, type Store } from 'express-session';
import type { Draft, SessionEntry } from '../sessions/index.ts';
import { bufferResponse } from './buffer-response.ts';

// The set-ups that tutorials show: `memory` and `plain`. They keep no index and no times, which /whoami and /sessions need
// of any set-up, so these are added here.

declare module 'express-session' {
  interface SessionData {
    /** When this session began, ISO 8601; `memory` and `plain` only. */
    createdAt?: string;
  }
}

export interface BaselineOptions {
  secrets: string[];
  production: boolean;
  idleSeconds: number;
}

/** A session set-up as express-session's README (`memory`) or connect-redis's README (`plain`) shows it. */
export function createBaseline(
  kind: string,
  client: RedisStore['client'] | undefined,
  { secrets, production, idleSeconds }: BaselineOptions,
  observe?: Observe,
) {
  const store = kind === 'plain' ? new RedisStore({ client, prefix: 'plain:' }) : new session.MemoryStore();
  if (observe) timeCalls(store as unknown as Calls, observe);
  const sessions = createMiddleware(store, secrets, production, idleSeconds);
  const fresh = stampNewSessions(store);
  return {
    middleware: [bufferResponse, sessions] satisfies RequestHandler[],
    describe(req: Request) {
      if (!req.session || fresh.has(req.session)) return null;
      return { handle: handleOf(req.sessionID), createdAt: new Date(req.session.createdAt ?? 0) };
    },
    /** Reads every session in the store: there is no index by user. */
    async list(_req: Request, user: string): Promise<SessionEntry[]> {
      const entries = (await sessionsOf(store, user)).map(async ([id, data]) => {
        const lastSeenAt = new Date(Date.now() - idleSeconds * 1000 + (await remainingMs(store, id, data)));
        const createdAt = new Date(data.createdAt ?? 0);
        return { handle: handleOf(id), attributes: { ...data }, createdAt, lastSeenAt };
      });
      return (await Promise.all(entries)).sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
    },
    async revoke(_req: Request, user: string, handle?: string): Promise<number> {
      const ended = (await sessionsOf(store, user)).filter(([id]) => handle === undefined || handleOf(id) === handle);
      for (const [id] of ended) {
        await new Promise<void>((resolve, reject) => store.destroy(id, (err) => (err ? reject(err) : resolve())));
      }
      return ended.length;
    },
  };
}

/** express-session with this app's cookie. */
function createMiddleware(store: Store, secret: string[], production: boolean, idleSeconds: number): RequestHandler {
  const cookie = (req: Request) => ({ ...cookieOptions(req, production), maxAge: idleSeconds * 1000 });
  const common = { store, secret, cookie, resave: false, saveUninitialized: false };
  const overTls = session({ ...common, name: '__Host-sid' });
  const overHttp = session({ ...common, name: 'sid' });
  return function loadSession(req, res, next) {
    (req.secure ? overTls : overHttp)(req, withMaxAge(req, res), next);
  };
}

const cookieName = (req: Request) => (req.secure ? '__Host-sid' : 'sid');

function cookieOptions(req: Request, production: boolean): CookieOptions {
  return { httpOnly: true, sameSite: 'strict', path: '/', secure: production || req.secure };
}

/** express-session sets Expires only, which depends on this machine's clock. */
function withMaxAge(req: Request, res: Response): Response {
  const { setHeader } = res;
  const start = `${cookieName(req)}=s`;
  const add = (line: string) => {
    const [, ends] = /; Expires=([^;]+)/.exec(line) ?? [];
    if (!line.startsWith(start) || ends === undefined) return line;
    return `${line}; Max-Age=${Math.ceil((Date.parse(ends) - Date.now()) / 1000)}`;
  };
  res.setHeader = function setHeaderWithMaxAge(name, value) {
    const isCookie = name.toLowerCase() === 'set-cookie' && Array.isArray(value);
    return setHeader.call(res, name, isCookie ? value.map(add) : value);
  };
  return res;
}

function handleOf(id: string): string {
  return hash('sha256', id, 'base64url').slice(0, 22);
}

// What tutorials do in place of updateSession, renewSession and destroySession.

export function updateBaseline<T>(req: Request, change: (session: Draft) => T): T {
  return change(req.session);
}

export async function renewBaseline<T>(req: Request, change: (session: Draft) => T): Promise<T> {
  const { cookie: _old, ...data } = req.session;
  await new Promise<void>((resolve, reject) => req.session.regenerate((err) => (err ? reject(err) : resolve())));
  const { cookie: _new, ...fresh } = req.session;
  Object.assign(req.session, { ...data, ...fresh });
  return change(req.session);
}

export async function destroyBaseline(req: Request, res: Response): Promise<void> {
  await new Promise<void>((resolve, reject) => req.session.destroy((err) => (err ? reject(err) : resolve())));
  res.clearCookie(cookieName(req), cookieOptions(req, req.secure));
}

/** Gives each new session a `createdAt`, before express-session decides whether it was changed. @returns the new ones */
function stampNewSessions(store: Store): WeakSet<object> {
  const fresh = new WeakSet<object>();
  const generating = store as Store & { generate(req: Request): void };
  const { generate } = generating;
  generating.generate = function generateStamped(req) {
    generate(req);
    req.session.createdAt = new Date().toISOString();
    fresh.add(req.session);
  };
  return fresh;
}

/** MemoryStore returns an object by id, connect-redis a list whose members have an id. */
async function sessionsOf(store: Store, user: string): Promise<[string, SessionData][]> {
  const found = await new Promise<unknown>((resolve, reject) => {
    store.all?.((err, sessions) => (err ? reject(err) : resolve(sessions)));
  });
  const all: [string, SessionData][] = Array.isArray(found)
    ? found.map(({ id, ...data }) => [id, data])
    : Object.entries((found ?? {}) as Record<string, SessionData>);
  return all.filter(([, data]) => data.user?.id === user);
}

/** connect-redis extends only the key's life: the expiry stored inside is that of the last write. */
async function remainingMs(store: Store, id: string, data: SessionData): Promise<number> {
  if (store instanceof RedisStore) return store.client.pTTL(store.prefix + id);
  return new Date(data.cookie.expires ?? Date.now()).getTime() - Date.now();
}

type Observe = (command: string, outcome: 'ok' | 'error', ms: number) => void;
type Call = (...args: unknown[]) => unknown;
type Calls = Record<'get' | 'set' | 'destroy' | 'touch', Call>;

/** Times each call from outside: the call, its callback and its result stay as they are. */
function timeCalls(store: Calls, observe: Observe): void {
  for (const command of ['get', 'set', 'destroy', 'touch'] as const) {
    const call = store[command];
    store[command] = function timed(...args) {
      const start = performance.now();
      const done = args.at(-1);
      if (typeof done !== 'function') return Reflect.apply(call, store, args);
      const ended: Call = (...results) => {
        observe(command, results[0] ? 'error' : 'ok', performance.now() - start);
        return Reflect.apply(done, undefined, results);
      };
      return Reflect.apply(call, store, [...args.slice(0, -1), ended]);
    };
  }
}
