import { type Request, type Response, Router } from 'express';
import type { Context } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';

/** Ends the session. The response is the same without one. */
export function createLogoutRouter(context: Context): Router {
  const router = Router();
  router
    .route('/logout')
    .post(async function logout(req, res) {
      await logOut(req, res, context);
      res.status(204).end();
    })
    .all(methodNotAllowed('POST'));
  return router;
}

export async function logOut(req: Request, res: Response, { sessions }: Context): Promise<void> {
  if (sessions.describe(req)) await sessions.destroy(req, res);
}
