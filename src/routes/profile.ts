import { type Request, Router } from 'express';
import { methodNotAllowed, Problem } from '../errors.ts';

/** The user who is logged in, and since when. */
export function createProfileRouter(): Router {
  const router = Router();
  router
    .route('/profile')
    .get(function profile(req, res) {
      res.json({ user: requireUser(req), since: req.session.since });
    })
    .all(methodNotAllowed('GET'));
  return router;
}

/** @throws {Problem} logged-out (401) */
export function requireUser(req: Request): { id: string; name: string } {
  if (req.session.user) return req.session.user;
  const headers = { 'WWW-Authenticate': 'Cookie realm="unsticky"' };
  throw new Problem('logged-out', 'Log in first: POST /login with {"name":"…"}.', { headers });
}
