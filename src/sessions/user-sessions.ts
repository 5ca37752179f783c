import type { Request } from 'express';
import { orTellFailed } from './events.ts';
import { shortHash } from './hash.ts';
import { type Attributes, readAttributes, readStored } from './record.ts';
import { endScript } from './redis/scripts.ts';
import { forgetSession } from './state.ts';
import { DurableStore } from './store.ts';

/** One of a user's sessions. */
export interface SessionEntry {
  /** What it is called towards its user: never its id, which is what opens it. */
  handle: string;
  attributes: Attributes;
  createdAt: Date;
  lastSeenAt: Date;
}

/**
 * Lists a user's sessions, the one seen last first. When that was follows from the time that each has left: no write is
 * needed for it.
 * @throws {SessionError}
 */
export async function listSessions(req: Request, user: string): Promise<SessionEntry[]> {
  const store = storeOf(req);
  const handles = await store.calls.read('list', (redis) => redis.zRange(store.indexOf(user), 0, -1));
  if (handles.length === 0) return [];
  const keys = handles.map((handle) => store.prefix + handle);
  const [texts, times, now] = await Promise.all([
    store.calls.read('list', (redis) => redis.mGet(keys)),
    store.calls.read('list', (redis) => Promise.all(keys.map((key) => redis.pTTL(key)))),
    store.clock.now(),
  ]);
  const entries = handles.flatMap((handle, at): SessionEntry[] => {
    const text = texts[at];
    if (text === null || text === undefined) return []; // it has ended
    const stored = readStored(text);
    const attributes = readAttributes(stored);
    if (store.userOf(attributes) !== user) return [];
    const lastSeenAt = new Date(now - store.idleSeconds * 1000 + (times[at] ?? 0));
    return [{ handle, attributes, createdAt: new Date(stored.createdAt), lastSeenAt }];
  });
  return entries.sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
}

/**
 * Ends a user's sessions, for good: the one with this handle, or all. Requests that are under way in them and change
 * something are answered 401. Where the request's own is among them, it has none from then on; `destroySession` then only
 * clears the cookie.
 * @returns how many were ended; 0 where the user has none with that handle
 * @throws {SessionError}
 */
export async function revokeSessions(req: Request, user: string, handle?: string): Promise<number> {
  const store = storeOf(req);
  const ended = await orTellFailed(store, req, () => revoke(req, store, user, handle));
  for (let number = 0; number < ended; number++) store.tell({ type: 'revoked' });
  return ended;
}

async function revoke(req: Request, store: DurableStore, user: string, handle: string | undefined): Promise<number> {
  if (handle !== undefined && !(await listSessions(req, user)).some((entry) => entry.handle === handle)) return 0;
  // Named, not "all that there are": a call that is given up may still be carried out, when others have logged in.
  const all = () => store.calls.read('list', (redis) => redis.zRange(store.indexOf(user), 0, -1));
  const handles = handle === undefined ? await all() : [handle];
  if (handles.length === 0) return 0;
  const ended = await store.calls.run<number>(endScript, [store.indexOf(user)], [store.prefix, ...handles]);
  if (handles.includes(sessionHandle(req.sessionID))) forgetSession(req);
  return ended;
}

/** What the request's session is called towards its user, and when it began; null where nothing is stored. */
export function describeSession(req: Request): { handle: string; createdAt: Date } | null {
  const stored = storeOf(req).storedFor(req);
  return stored ? { handle: sessionHandle(req.sessionID), createdAt: new Date(stored.createdAt) } : null;
}

export function sessionHandle(id: string): string {
  return shortHash(id);
}

function storeOf(req: Request): DurableStore {
  const store = req.sessionStore as unknown;
  if (store instanceof DurableStore) return store;
  throw new TypeError('This needs a DurableStore: createSessions({ store: new DurableStore({ client }), … })');
}
