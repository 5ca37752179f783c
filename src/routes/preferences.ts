import { type Request, Router } from 'express';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';
import { readBody } from './body.ts';

export interface Preferences {
  theme?: string;
  /** A language tag (RFC 5646). */
  language?: string;
}

declare module 'express-session' {
  interface SessionData {
    preferences?: Preferences;
  }
}

const body = z.strictObject({
  theme: z.enum(['light', 'dark', 'system'], { error: 'must be light, dark or system' }).exactOptional(),
  language: z
    .string({ error: 'must be a string' })
    .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/, { error: 'must be a language tag, such as en or pt-BR' })
    .exactOptional(),
});

export function createPreferencesRouter(context: Context): Router {
  const router = Router();
  router
    .route('/preferences')
    .get(function readPreferences(req, res) {
      res.json(req.session.preferences ?? {});
    })
    .patch(async function patchPreferences(req, res) {
      res.json(await changePreferences(req, context));
    })
    .all(methodNotAllowed('GET', 'PATCH'));
  return router;
}

/** Sets the preferences in the body. @returns all preferences @throws {Problem} invalid-body (400) */
export async function changePreferences(req: Request, { sessions }: Context): Promise<Preferences> {
  const change = readBody(req.body, body);
  return sessions.update(req, (session) => {
    if (Object.keys(change).length > 0) session.preferences = { ...session.preferences, ...change };
    return session.preferences ?? {};
  });
}
