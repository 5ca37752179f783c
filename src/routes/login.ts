import { type Request, Router } from 'express';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';
import { readBody } from './body.ts';

declare module 'express-session' {
  interface SessionData {
    user?: { id: string; name: string };
    /** When this user logged in, ISO 8601. */
    since?: string;
    /** The browser that logged in, to tell a user's sessions apart. */
    userAgent?: string;
  }
}

/** Persian words and emoji families contain joiners, which are invisible by themselves. */
const joiners = /[\u200c\u200d]/g;
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} \u200c\u200d]{1,64}$/u;
/** To Unicode, fillers are letters and the Braille blank is a symbol; a combining mark needs a character before it. */
const visible = /[^\p{Default_Ignorable_Code_Point}\p{M}\s\u2800]/u;
const isName = (text: string) => printable.test(text) && visible.test(text);

const body = z.strictObject({
  name: z
    .string({ error: 'must be a string' })
    .trim()
    .refine(isName, { error: 'must be 1 to 64 printable characters' }),
});

/** A simulated login: any name works. The session gets a new id; the cart stays. */
export function createLoginRouter(context: Context): Router {
  const router = Router();
  router
    .route('/login')
    .post(async function login(req, res) {
      res.json({ user: await logIn(req, context) });
    })
    .all(methodNotAllowed('POST'));
  return router;
}

/** Two names that look the same are one user. */
export function userIdOf(name: string): string {
  return name.trim().normalize('NFKC').toLowerCase().replaceAll(joiners, '').replaceAll(' ', '-');
}

/** Logs in the user that the body names. @throws {Problem} invalid-body (400) */
export async function logIn(req: Request, { sessions }: Context): Promise<{ id: string; name: string }> {
  const { name } = readBody(req.body, body);
  const id = userIdOf(name);
  const [since, userAgent] = [new Date().toISOString(), req.get('User-Agent')?.slice(0, 256)];
  return sessions.renew(req, (session) => {
    Object.assign(session, { user: { id, name }, since, userAgent });
    return { id, name };
  });
}
