import { Router } from 'express';
import type { Context } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';
import { isStored, sessionHandle } from '../sessions/index.ts';

/** Who answers, and whom. */
export function createWhoamiRouter({ config, version, lifecycle }: Context): Router {
  const router = Router();
  router
    .route('/whoami')
    .get(function whoami(req, res) {
      const { user = null, createdAt } = req.session;
      const session = isStored(req) ? { id: sessionHandle(req.sessionID), createdAt } : null;
      res.json({ replica: config.replica, version, startedAt: lifecycle.startedAt, user, session });
    })
    .all(methodNotAllowed('GET'));
  return router;
}
