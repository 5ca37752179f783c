import type { Request } from 'express';
import type { Context } from '../context.ts';
import type { CartItem } from '../routes/cart.ts';
import type { Preferences } from '../routes/preferences.ts';
import { type ListedSession, readSessions } from '../routes/sessions.ts';

/** The replica that answers. */
export interface Origin {
  replica: string;
  version: string;
  startedAt: Date;
}

/** What the page shows about a visitor. */
export interface PageState {
  user: { id: string; name: string } | undefined;
  /** The session's handle, age, and whether a stream tells when it ends; undefined if nothing is stored for the visitor. */
  session: { handle: string; livedMs: number; isLive: boolean } | undefined;
  items: CartItem[];
  preferences: Preferences;
  /** The user's sessions. */
  sessions: ListedSession[];
}

export function originOf({ config, lifecycle }: Context): Origin {
  return { replica: config.replica, version: config.version, startedAt: lifecycle.startedAt };
}

/**
 * Reads what the page shows. It asks the store only for the sessions of a logged-in user; the rest is in the request's own
 * session.
 * @throws {SessionError}
 */
export async function readState(req: Request, context: Context): Promise<PageState> {
  // A request that ended its session has none.
  const { user, cart = [], preferences = {} } = req.session ?? {};
  const stored = req.session && context.sessions.describe(req);
  const sessions = user ? await readSessions(req, context) : [];
  const isLive = user !== undefined && context.sessions.signal !== undefined;
  const session = stored
    ? { handle: stored.handle, livedMs: Math.max(0, Date.now() - stored.createdAt.getTime()), isLive }
    : undefined;
  return { user, session, items: cart, preferences, sessions };
}
