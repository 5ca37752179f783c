import type { SessionData, Store } from 'express-session';

/** One stored session, with the id under which the store knows it. */
export interface SessionEntry {
  id: string;
  session: SessionData;
  lastSeenAt: Date;
}

/**
 * Lists the stored sessions that `belongs` picks, the one seen last first.
 *
 * It reads every session that there is, because express-session's stores keep no index.
 * @param idleSeconds the life that each use of a session gives it: when it was seen last follows from what is left
 */
export async function listSessions(
  store: Store,
  idleSeconds: number,
  belongs: (session: SessionData) => boolean,
): Promise<SessionEntry[]> {
  const mine = (await allSessions(store)).filter(([, session]) => belongs(session));
  const entries = mine.map(async ([id, session]) => {
    const leftMs = await remainingMs(store, id, session);
    return { id, session, lastSeenAt: new Date(Date.now() - idleSeconds * 1000 + leftMs) };
  });
  return (await Promise.all(entries)).sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
}

/** MemoryStore gives an object by id, connect-redis a list whose members have an id. */
async function allSessions(store: Store): Promise<[string, SessionData][]> {
  const found = await new Promise<unknown>((resolve, reject) => {
    if (!store.all) return reject(new Error('This session store cannot list sessions: it has no all()'));
    store.all((err, sessions) => (err ? reject(err) : resolve(sessions)));
  });
  if (!Array.isArray(found)) return Object.entries((found ?? {}) as Record<string, SessionData>);
  return found.map(({ id, ...session }) => [id, session]);
}

/** A read extends the key alone: the expiry that is stored inside is that of the last write. */
async function remainingMs(store: Store, id: string, session: SessionData): Promise<number> {
  if ('client' in store && 'prefix' in store) {
    const { client, prefix } = store as unknown as { client: { pTTL(key: string): Promise<number> }; prefix: string };
    return client.pTTL(prefix + id);
  }
  return new Date(session.cookie.expires ?? Date.now()).getTime() - Date.now();
}
