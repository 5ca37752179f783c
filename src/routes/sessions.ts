import { type Request, type Response, Router } from 'express';
import type { Context } from '../context.ts';
import { methodNotAllowed, Problem } from '../errors.ts';
import { requireUser } from './profile.ts';

/** Lists a user's sessions, and ends them from anywhere. */
export function createSessionsRouter(context: Context): Router {
  const router = Router();
  router
    .route('/sessions')
    .get(async function getSessions(req, res) {
      res.json({ sessions: await readSessions(req, context) });
    })
    .delete(async function deleteSessions(req, res) {
      await endSessions(req, res, context);
      res.status(204).end();
    })
    .all(methodNotAllowed('GET', 'DELETE'));

  router
    .route('/sessions/:id')
    .delete(async function deleteSession(req, res) {
      await endSession(req, res, req.params.id, context);
      res.status(204).end();
    })
    .all(methodNotAllowed('DELETE'));
  return router;
}

/** One of a user's sessions, as the user may see it. */
export interface ListedSession {
  /** A handle, never the session id. */
  id: string;
  current: boolean;
  createdAt: Date;
  lastSeenAt: Date;
  userAgent: string | undefined;
}

/** The sessions of the request's user. @throws {Problem} logged-out (401) */
export async function readSessions(req: Request, { sessions }: Context): Promise<ListedSession[]> {
  const current = sessions.describe(req)?.handle;
  const entries = await sessions.list(req, requireUser(req).id);
  return entries.map(({ handle: id, attributes, createdAt, lastSeenAt }) => {
    const userAgent = attributes.userAgent as string | undefined;
    return { id, current: id === current, createdAt, lastSeenAt, userAgent };
  });
}

/** @throws {Problem} logged-out (401), not-found (404) */
export async function endSession(req: Request, res: Response, id: string, { sessions }: Context): Promise<void> {
  const isOwn = id === sessions.describe(req)?.handle;
  const ended = await sessions.revoke(req, requireUser(req).id, id);
  if (ended === 0)
    throw new Problem('not-found', 'You have no such session: it may have ended. GET /sessions lists them.');
  if (isOwn) await sessions.destroy(req, res);
}

/** Ends all of the user's sessions, this one included. @throws {Problem} logged-out (401) */
export async function endSessions(req: Request, res: Response, { sessions }: Context): Promise<void> {
  await sessions.revoke(req, requireUser(req).id);
  await sessions.destroy(req, res);
}
