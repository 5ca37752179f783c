import { type Request, type Response, Router } from 'express';
import type { Context } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';
import { addItem, removeItem } from './cart.ts';
import { logIn } from './login.ts';
import { logOut } from './logout.ts';
import { answerWithPage } from './page.ts';
import { changePreferences } from './preferences.ts';
import { endSession, endSessions } from './sessions.ts';

/** HTML forms know GET and POST alone, and no JSON: each address does what a route of the API does. */
const forms: Record<string, (req: Request, res: Response) => Promise<unknown>> = {
  login: logIn,
  // What a form sends is text.
  cart: (req) => addItem(req, { ...req.body, quantity: Number(req.body?.quantity) }),
  'cart-remove': (req) => removeItem(req, String(req.body?.sku)),
  preferences: changePreferences,
  'session-end': (req, res) => endSession(req, res, String(req.body?.id)),
  logout: logOut,
  'logout-everywhere': endSessions,
};

/**
 * The forms of the visitor's page, all of one route, or each would have a histogram of its own. The change is stored before
 * the answer leaves, as with every other.
 */
export function createPageFormsRouter(context: Context): Router {
  const router = Router();
  router
    .route('/page/:form')
    .all(function findForm(req, _res, next) {
      next(Object.hasOwn(forms, req.params.form) ? undefined : 'route');
    })
    .post(async function form(req, res) {
      await forms[req.params.form]?.(req, res);
      await answerWithPage(req, res, context);
    })
    // Who comes here without a form, by the address bar after a problem, wants the page.
    .get(function form(_req, res) {
      res.redirect(303, '/');
    })
    .all(methodNotAllowed('GET', 'POST'));
  return router;
}
