import type { RedisStore } from 'connect-redis';
import type { Request, RequestHandler, Response } from 'express';
import { createBaseline, destroyBaseline, renewBaseline, updateBaseline } from './baseline/baseline.ts';
import type { Config } from './config.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { Redis } from './redis.ts';
import * as durable from './sessions/index.ts';
import type { Draft, SessionEntry } from './sessions/index.ts';

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
  /** Changes the session in one step. */
  update<T>(req: Request, change: (session: Draft) => T): Promise<T>;
  /** The same, and moves it to a new id. */
  renew<T>(req: Request, change: (session: Draft) => T): Promise<T>;
  /** Ends the session, and clears the cookie. */
  destroy(req: Request, res: Response): Promise<void>;
  /** Aborts when the request's session ends, on whichever replica; absent if the set-up does not know of that. */
  signal?(req: Request): AbortSignal;
}

/** The only place that knows which set-up SESSION_STORE picks. @param client absent with the memory store */
export function createSessionLayer(
  config: Config,
  client: Redis | undefined,
  metrics: Metrics | undefined,
  logger: Logger,
): SessionLayer {
  const { store: kind, secrets, production, idleSeconds } = config;
  if (kind !== 'durable' || !client) {
    return {
      ...createBaseline(
        kind,
        client as RedisStore['client'] | undefined,
        { secrets, production, idleSeconds },
        metrics?.observeStore,
      ),
      update: async (req, change) => updateBaseline(req, change),
      renew: renewBaseline,
      destroy: destroyBaseline,
    };
  }
  const {
    absoluteSeconds,
    maxBytes,
    maxPerUser,
    migrateFrom,
    anonymousPercent,
    storeDeadlineMs: deadlineMs,
    storePatienceMs: patienceMs,
    waitReplicas,
  } = config;
  return {
    middleware: [
      durable.createSessions({
        client,
        secrets,
        idleSeconds,
        absoluteSeconds,
        maxBytes,
        maxPerUser,
        anonymousShare: anonymousPercent / 100,
        deadlineMs,
        patienceMs,
        ...(waitReplicas !== undefined && { waitReplicas }),
        migrateFrom,
        ...(production && { cookie: { secure: true } }),
        observe(event) {
          metrics?.observeSessions(event);
          // Its browser shows that it has ended (GET /events). Whose it was is not logged.
          if (event.type === 'evicted')
            logger.warn('a user had too many sessions: the one unused for longest was ended');
        },
      }),
    ],
    describe: durable.describeSession,
    list: durable.listSessions,
    revoke: durable.revokeSessions,
    update: durable.updateSession,
    renew: durable.renewSession,
    destroy: durable.destroySession,
    signal: durable.sessionSignal,
  };
}
