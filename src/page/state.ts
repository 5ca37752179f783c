import type { Request } from 'express';
import { describe } from '../compared-stores.ts';
import type { Context } from '../context.ts';
import type { CartItem } from '../routes/cart.ts';
import type { Preferences } from '../routes/preferences.ts';
import { type ListedSession, readSessions } from '../routes/sessions.ts';

/** Who answers. */
export interface Origin {
  replica: string;
  version: string;
  startedAt: Date;
}

/** What the page shows of a visitor. */
export interface PageState {
  user: { id: string; name: string } | undefined;
  /** The session's handle and age; undefined where nothing is stored for the visitor. */
  session: { handle: string; livedMs: number } | undefined;
  items: CartItem[];
  preferences: Preferences;
  /** Where the user is logged in. */
  sessions: ListedSession[];
}

export function originOf({ config, lifecycle }: Context): Origin {
  return { replica: config.replica, version: config.version, startedAt: lifecycle.startedAt };
}

/**
 * Reads what the page shows. It asks the store only for the sessions of a user who is logged in; the rest came with the
 * request's own session.
 * @throws {SessionError}
 */
export async function readState(req: Request, { config }: Context): Promise<PageState> {
  // A request that has ended its session has none any more.
  const { user, cart = [], preferences = {} } = req.session ?? {};
  const stored = req.session && describe(req);
  const sessions = user ? await readSessions(req, config.idleSeconds) : [];
  const session = stored
    ? { handle: stored.handle, livedMs: Math.max(0, Date.now() - stored.createdAt.getTime()) }
    : undefined;
  return { user, session, items: cart, preferences, sessions };
}
