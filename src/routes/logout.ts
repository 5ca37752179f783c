import { type Request, type Response, Router } from 'express';
import { describe } from '../compared-stores.ts';
import { methodNotAllowed } from '../errors.ts';
import { destroySession } from '../sessions/index.ts';

/** Ends the session. The answer is the same for a visitor who has none. */
export function createLogoutRouter(): Router {
  const router = Router();
  router
    .route('/logout')
    .post(async function logout(req, res) {
      await logOut(req, res);
      res.status(204).end();
    })
    .all(methodNotAllowed('POST'));
  return router;
}

export async function logOut(req: Request, res: Response): Promise<void> {
  if (describe(req)) await destroySession(req, res);
}
