import { RedisStore } from 'connect-redis';
import type { Request } from 'express';
import session, { type SessionData, type Store } from 'express-session';
import {
  DurableStore,
  describeSession,
  listSessions,
  revokeSessions,
  type SessionEntry,
  sessionHandle,
} from './sessions/index.ts';

// What /whoami and /sessions need of any store. `memory` and `plain` keep no index and no times: here they get them.

declare module 'express-session' {
  interface SessionData {
    /** When this session began, in ISO 8601; `memory` and `plain` alone. */
    createdAt?: string;
  }
}

const fresh = new WeakSet<object>();

/** Gives each new session of express-session's own stores a `createdAt`, before it decides whether it was changed. */
export function stampNewSessions(store: Store): void {
  const generating = store as Store & { generate(req: Request): void };
  const { generate } = generating;
  generating.generate = function generateStamped(req) {
    generate(req);
    req.session.createdAt = new Date().toISOString();
    fresh.add(req.session);
  };
}

export function describe(req: Request): { handle: string; createdAt: Date } | null {
  if ((req.sessionStore as unknown) instanceof DurableStore) return describeSession(req);
  if (!req.session || fresh.has(req.session)) return null;
  return { handle: sessionHandle(req.sessionID), createdAt: new Date(req.session.createdAt ?? 0) };
}

/** Lists a user's sessions: from the index, or by reading every session that there is. */
export async function list(req: Request, user: string, idleSeconds: number): Promise<SessionEntry[]> {
  const store = req.sessionStore as Store;
  if (store instanceof DurableStore) return listSessions(req, user);
  const mine = (await allSessions(store)).filter(([, data]) => data.user?.id === user);
  const entries = mine.map(async ([id, data]) => {
    const lastSeenAt = new Date(Date.now() - idleSeconds * 1000 + (await remainingMs(store, id, data)));
    return { handle: sessionHandle(id), attributes: { ...data }, createdAt: new Date(data.createdAt ?? 0), lastSeenAt };
  });
  return (await Promise.all(entries)).sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
}

/** Ends the user's session with this handle, or all. Returns how many there were. */
export async function revoke(req: Request, user: string, handle?: string): Promise<number> {
  const store = req.sessionStore as Store;
  if (store instanceof DurableStore) return revokeSessions(req, user, handle);
  const mine = (await allSessions(store)).filter(([id, data]) => {
    return data.user?.id === user && (handle === undefined || sessionHandle(id) === handle);
  });
  for (const [id] of mine) {
    await new Promise<void>((resolve, reject) => store.destroy(id, (err) => (err ? reject(err) : resolve())));
  }
  return mine.length;
}

/** MemoryStore gives an object by id, connect-redis a list whose members have an id. */
async function allSessions(store: Store): Promise<[string, SessionData][]> {
  const found = await new Promise<unknown>((resolve, reject) => {
    store.all?.((err, sessions) => (err ? reject(err) : resolve(sessions)));
  });
  if (!Array.isArray(found)) return Object.entries((found ?? {}) as Record<string, SessionData>);
  return found.map(({ id, ...data }) => [id, data]);
}

/** connect-redis extends the key alone: the expiry that is stored inside is that of the last write. */
async function remainingMs(store: Store, id: string, data: SessionData): Promise<number> {
  if (store instanceof RedisStore) return store.client.pTTL(store.prefix + id);
  return new Date(data.cookie.expires ?? Date.now()).getTime() - Date.now();
}

/** `memory` and `plain` are what tutorials show, as they show it; they exist to be compared with. */
export function createComparedStore(kind: string, client: RedisStore['client'] | undefined, observe?: Observe): Store {
  const store = kind === 'plain' ? new RedisStore({ client, prefix: 'plain:' }) : new session.MemoryStore();
  if (observe) timeCalls(store as unknown as Calls, observe);
  return store;
}

type Observe = (command: string, outcome: 'ok' | 'error', ms: number) => void;
type Call = (...args: unknown[]) => unknown;
type Calls = Record<'get' | 'set' | 'destroy' | 'touch', Call>;

/** Times each call of express-session from outside: the call, its callback and what it returns stay as they are. */
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
