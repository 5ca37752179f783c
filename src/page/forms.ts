import { type Request, type Response, Router } from 'express';
import type { Context } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';
import { addItem, removeItem } from '../routes/cart.ts';
import { logIn } from '../routes/login.ts';
import { logOut } from '../routes/logout.ts';
import { changePreferences } from '../routes/preferences.ts';
import { endSession, endSessions } from '../routes/sessions.ts';
import { answerWithPage } from './router.ts';

/** HTML forms have only GET and POST, and no JSON: each of these does what a route of the API does. */
const forms: Record<string, (req: Request, res: Response, context: Context) => Promise<unknown>> = {
  login: (req, _res, context) => logIn(req, context),
  // Forms send text.
  cart: (req, _res, context) => addItem(req, { ...req.body, quantity: Number(req.body?.quantity) }, context),
  'cart-remove': (req, _res, context) => removeItem(req, String(req.body?.sku), context),
  preferences: (req, _res, context) => changePreferences(req, context),
  'session-end': (req, res, context) => endSession(req, res, String(req.body?.id), context),
  logout: logOut,
  'logout-everywhere': endSessions,
};

/**
 * The forms of the visitor's page, as one route: otherwise each would have its own histogram. The change is stored before
 * the response is sent, as everywhere.
 */
export function createPageFormsRouter(context: Context): Router {
  const router = Router();
  router
    .route('/page/:form')
    .all(function findForm(req, _res, next) {
      next(Object.hasOwn(forms, req.params.form) ? undefined : 'route');
    })
    .post(async function form(req, res) {
      await forms[req.params.form]?.(req, res, context);
      await answerWithPage(req, res, context);
    })
    // A visitor who opens this address after a problem wants the page.
    .get(function form(_req, res) {
      res.redirect(303, '/');
    })
    .all(methodNotAllowed('GET', 'POST'));
  return router;
}
