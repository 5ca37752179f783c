import { Router } from 'express';
import { describe } from '../compared-stores.ts';
import type { Context } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';

/** Who answers, and whom. */
export function createWhoamiRouter({ config, lifecycle }: Context): Router {
  const router = Router();
  router
    .route('/whoami')
    .get(function whoami(req, res) {
      const { user = null } = req.session;
      const stored = describe(req);
      const session = stored && { id: stored.handle, createdAt: stored.createdAt };
      res.json({ replica: config.replica, version: config.version, startedAt: lifecycle.startedAt, user, session });
    })
    .all(methodNotAllowed('GET'));
  return router;
}
