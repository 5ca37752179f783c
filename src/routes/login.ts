import { Router } from 'express';
import { z } from 'zod';
import { methodNotAllowed } from '../errors.ts';
import { renewSession } from '../sessions/index.ts';
import { readBody } from './body.ts';

declare module 'express-session' {
  interface SessionData {
    user?: { id: string; name: string };
    /** When this user logged in, in ISO 8601. */
    since?: string;
    /** The browser that logged in, to tell a user's sessions apart. */
    userAgent?: string;
  }
}

const body = z.strictObject({
  name: z
    .string({ error: 'must be a text' })
    .trim()
    .regex(/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,64}$/u, { error: 'must be 1 to 64 printable characters' }),
});

/** A simulated login: any name will do. The session gets a new id; the cart stays. */
export function createLoginRouter(): Router {
  const router = Router();
  router
    .route('/login')
    .post(async function login(req, res) {
      const { name } = readBody(req, body);
      const id = name.normalize('NFKC').toLowerCase().replaceAll(' ', '-');
      const [since, userAgent] = [new Date().toISOString(), req.get('User-Agent')?.slice(0, 256)];
      const user = await renewSession(req, (session) => {
        Object.assign(session, { user: { id, name }, since, userAgent });
        return { id, name };
      });
      res.json({ user });
    })
    .all(methodNotAllowed('POST'));
  return router;
}
