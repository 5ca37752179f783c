import { RedisStore } from 'connect-redis';
import type { Request, RequestHandler } from 'express';
import session, { type SessionData, type Store } from 'express-session';
import { createSessions, type SessionEntry, sessionHandle } from '../sessions/index.ts';
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
  const sessions = createSessions({ store, secrets, idleSeconds, secureOnly: production });
  const fresh = stampNewSessions(store);
  return {
    middleware: [bufferResponse, sessions] satisfies RequestHandler[],
    describe(req: Request) {
      if (!req.session || fresh.has(req.session)) return null;
      return { handle: sessionHandle(req.sessionID), createdAt: new Date(req.session.createdAt ?? 0) };
    },
    /** Reads every session in the store: there is no index by user. */
    async list(_req: Request, user: string): Promise<SessionEntry[]> {
      const entries = (await sessionsOf(store, user)).map(async ([id, data]) => {
        const lastSeenAt = new Date(Date.now() - idleSeconds * 1000 + (await remainingMs(store, id, data)));
        const createdAt = new Date(data.createdAt ?? 0);
        return { handle: sessionHandle(id), attributes: { ...data }, createdAt, lastSeenAt };
      });
      return (await Promise.all(entries)).sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
    },
    async revoke(_req: Request, user: string, handle?: string): Promise<number> {
      const ended = (await sessionsOf(store, user)).filter(
        ([id]) => handle === undefined || sessionHandle(id) === handle,
      );
      for (const [id] of ended) {
        await new Promise<void>((resolve, reject) => store.destroy(id, (err) => (err ? reject(err) : resolve())));
      }
      return ended.length;
    },
  };
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
