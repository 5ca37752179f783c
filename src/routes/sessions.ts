import { Router } from 'express';
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
    .get(async function readSessions(req, res) {
      const current = describe(req)?.handle;
      const entries = await list(req, requireUser(req).id, config.idleSeconds);
      const sessions = entries.map(({ handle, attributes, createdAt, lastSeenAt }) => {
        return { id: handle, current: handle === current, createdAt, lastSeenAt, userAgent: attributes.userAgent };
      });
      res.json({ sessions });
    })
    .delete(async function endAll(req, res) {
      await revoke(req, requireUser(req).id);
      await destroySession(req, res);
      res.status(204).end();
    })
    .all(methodNotAllowed('GET', 'DELETE'));

  router
    .route('/sessions/:id')
    .delete(async function endOne(req, res) {
      const { id } = req.params;
      const ended = await revoke(req, requireUser(req).id, id);
      if (ended === 0)
        throw new Problem('not-found', 'You have no such session: it may have ended. GET /sessions lists them.');
      if (id === describe(req)?.handle) await destroySession(req, res);
      res.status(204).end();
    })
    .all(methodNotAllowed('DELETE'));
  return router;
}
