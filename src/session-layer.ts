import type { Request, RequestHandler } from 'express';
import { createBaseline } from './baseline/baseline.ts';
import type { Config } from './config.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { Redis } from './redis.ts';
import {
  createSessions,
  DurableStore,
  describeSession,
  listSessions,
  revokeSessions,
  type SessionEntry,
} from './sessions/index.ts';

/** What the app needs of a session set-up, durable or a baseline that it is compared with. */
export interface SessionLayer {
  /** Gives each request its session. */
  middleware: RequestHandler[];
  /** The stored session of a request; null if nothing is stored. The handle is never the session id. */
  describe(req: Request): { handle: string; createdAt: Date } | null;
  /** A user's sessions, the last used first. */
  list(req: Request, user: string): Promise<SessionEntry[]>;
  /** Ends the user's session with this handle, or all. @returns how many were ended */
  revoke(req: Request, user: string, handle?: string): Promise<number>;
}

/** The only place that knows which set-up SESSION_STORE picks. @param client absent with the memory store */
export function createSessionLayer(
  config: Config,
  client: Redis | undefined,
  metrics: Metrics | undefined,
): SessionLayer {
  const { store: kind, secrets, production, idleSeconds } = config;
  if (kind !== 'durable' || !client)
    return createBaseline(kind, client, { secrets, production, idleSeconds }, metrics?.observeStore);
  const { absoluteSeconds, maxBytes, maxPerUser, migrateFrom, storeDeadlineMs: deadlineMs } = config;
  const migration = migrateFrom === undefined ? {} : { migrateFrom };
  const limits = { idleSeconds, absoluteSeconds, maxBytes, maxPerUser, deadlineMs };
  const store = new DurableStore({
    client,
    ...limits,
    ...migration,
    ...(metrics && { observe: metrics.observeSessions }),
  });
  return {
    middleware: [
      createSessions({
        store,
        secrets,
        idleSeconds,
        secureOnly: production,
        // The previous set-up used express-session's default name for the cookie.
        migrateCookie: migrateFrom === undefined ? undefined : 'connect.sid',
      }),
    ],
    describe: describeSession,
    list: listSessions,
    revoke: revokeSessions,
  };
}
