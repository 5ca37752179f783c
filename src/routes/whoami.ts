import { Router } from 'express';
import type { Context } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';

/** Which replica answers, and for whom. */
export function createWhoamiRouter({ config, lifecycle, sessions }: Context): Router {
  const router = Router();
  router
    .route('/whoami')
    .get(function whoami(req, res) {
      const { user = null } = req.session;
      const stored = sessions.describe(req);
      const session = stored && { id: stored.handle, createdAt: stored.createdAt };
      res.json({ replica: config.replica, version: config.version, startedAt: lifecycle.startedAt, user, session });
    })
    .all(methodNotAllowed('GET'));
  return router;
}
