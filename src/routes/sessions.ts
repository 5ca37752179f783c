import { type Request, type Response, Router } from 'express';
import { describe, list, revoke } from '../compared-stores.ts';
import type { Context } from '../context.ts';
import { methodNotAllowed, Problem } from '../errors.ts';
import { destroySession } from '../sessions/index.ts';
import { requireUser } from './profile.ts';

/** Where a user is logged in, and how to end it from elsewhere. */
export function createSessionsRouter({ config }: Context): Router {
  const router = Router();
  router
    .route('/sessions')
    .get(async function getSessions(req, res) {
      res.json({ sessions: await readSessions(req, config.idleSeconds) });
    })
    .delete(async function deleteSessions(req, res) {
      await endSessions(req, res);
      res.status(204).end();
    })
    .all(methodNotAllowed('GET', 'DELETE'));

  router
    .route('/sessions/:id')
    .delete(async function deleteSession(req, res) {
      await endSession(req, res, req.params.id);
      res.status(204).end();
    })
    .all(methodNotAllowed('DELETE'));
  return router;
}

/** One of a user's sessions, as its user may see it. */
export interface ListedSession {
  /** A handle, never the session's id. */
  id: string;
  current: boolean;
  createdAt: Date;
  lastSeenAt: Date;
  userAgent: string | undefined;
}

/** Where the request's user is logged in. @throws {Problem} logged-out (401) */
export async function readSessions(req: Request, idleSeconds: number): Promise<ListedSession[]> {
  const current = describe(req)?.handle;
  const entries = await list(req, requireUser(req).id, idleSeconds);
  return entries.map(({ handle: id, attributes, createdAt, lastSeenAt }) => {
    const userAgent = attributes.userAgent as string | undefined;
    return { id, current: id === current, createdAt, lastSeenAt, userAgent };
  });
}

/** @throws {Problem} logged-out (401), not-found (404) */
export async function endSession(req: Request, res: Response, id: string): Promise<void> {
  const isOwn = id === describe(req)?.handle;
  const ended = await revoke(req, requireUser(req).id, id);
  if (ended === 0)
    throw new Problem('not-found', 'You have no such session: it may have ended. GET /sessions lists them.');
  if (isOwn) await destroySession(req, res);
}

/** Ends all of the user's sessions, this one included. @throws {Problem} logged-out (401) */
export async function endSessions(req: Request, res: Response): Promise<void> {
  await revoke(req, requireUser(req).id);
  await destroySession(req, res);
}
