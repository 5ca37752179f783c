import { Router } from 'express';
import type { Context } from '../context.ts';
import { methodNotAllowed, Problem } from '../errors.ts';
import { destroySession, listSessions, sessionHandle } from '../sessions/index.ts';
import { requireUser } from './profile.ts';

/** Where a user is logged in, and how to end it from elsewhere. */
export function createSessionsRouter({ store, config }: Context): Router {
  const router = Router();
  const sessionsOf = (userId: string) => listSessions(store, config.idleSeconds, ({ user }) => user?.id === userId);
  const end = (id: string) =>
    new Promise<void>((resolve, reject) => store.destroy(id, (err) => (err ? reject(err) : resolve())));

  router
    .route('/sessions')
    .get(async function readSessions(req, res) {
      const entries = await sessionsOf(requireUser(req).id);
      const sessions = entries.map(({ id, session, lastSeenAt }) => ({
        id: sessionHandle(id),
        current: id === req.sessionID,
        createdAt: session.createdAt,
        lastSeenAt,
        userAgent: session.userAgent,
      }));
      res.json({ sessions });
    })
    .delete(async function endAll(req, res) {
      const entries = await sessionsOf(requireUser(req).id);
      await Promise.all(entries.filter(({ id }) => id !== req.sessionID).map(({ id }) => end(id)));
      await destroySession(req, res);
      res.status(204).end();
    })
    .all(methodNotAllowed('GET', 'DELETE'));

  router
    .route('/sessions/:id')
    .delete(async function endOne(req, res) {
      const entries = await sessionsOf(requireUser(req).id);
      const target = entries.find(({ id }) => sessionHandle(id) === req.params.id);
      if (!target)
        throw new Problem('not-found', 'You have no such session: it may have ended. GET /sessions lists them.');
      if (target.id === req.sessionID) await destroySession(req, res);
      else await end(target.id);
      res.status(204).end();
    })
    .all(methodNotAllowed('DELETE'));
  return router;
}
