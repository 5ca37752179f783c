import { readFileSync } from 'node:fs';
import { type Request, type Response, Router } from 'express';
import type { Context } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';
import { renderPage } from '../page/document.ts';
import { originOf, readState } from '../page/state.ts';

const names = ['page.css', 'answer.css', 'cards.css', 'page.js', 'answers.js', 'page.svg'];

/** What the page is made of besides its text: a few files, read once. They need no session. */
export function createPageFilesRouter(): Router {
  const router = Router();
  const files = new Map(names.map((name) => [name, readFileSync(new URL(`../page/${name}`, import.meta.url))]));
  router
    .route('/files/:name')
    .all(function findFile(req, _res, next) {
      next(files.has(req.params.name) ? undefined : 'route');
    })
    .get(function pageFile(req, res) {
      res.type(req.params.name).send(files.get(req.params.name));
    })
    .all(methodNotAllowed('GET'));
  return router;
}

/** The visitor's page, with the visitor's state in it: it works without JavaScript. */
export function createPageRouter(context: Context): Router {
  const router = Router();
  router
    .route('/')
    .get(async function page(req, res) {
      // The cookie is SameSite=Strict: a visitor who follows another site's link comes without it. To a page of this site
      // the browser gives it.
      const state = await readState(req, context);
      const refresh = req.get('Sec-Fetch-Site') === 'cross-site' && !state.session;
      res.type('html').send(renderPage(originOf(context), state, { refresh }));
    })
    .all(methodNotAllowed('GET'));
  return router;
}

/** Shows the page after a change, to who asks for it (RFC 7240), else says where it is: reloading repeats nothing. */
export async function answerWithPage(req: Request, res: Response, context: Context): Promise<void> {
  if (!/(^|[\s,])return=representation([\s,;]|$)/.test(req.get('Prefer') ?? '')) return res.redirect(303, '/');
  res.set('Preference-Applied', 'return=representation');
  res.type('html').send(renderPage(originOf(context), await readState(req, context)));
}
