import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Request, type Response, Router } from 'express';
import type { Context } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';
import { renderPage } from './document.ts';
import { originOf, readState } from './state.ts';

const own = ['page.css', 'answer.css', 'cards.css', 'page.js', 'answers.js', 'live.js', 'page.svg'].map(
  (name) => `./${name}`,
);

/** The files of the page, read once. They need no session. */
export function createPageFilesRouter(): Router {
  const router = Router();
  const read = (file: string) => readFileSync(new URL(file, import.meta.url));
  const files = new Map([...own, '../../web/base.css'].map((file) => [path.basename(file), read(file)]));
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

/** The visitor's page, rendered with the visitor's state: it works without JavaScript. */
export function createPageRouter(context: Context): Router {
  const router = Router();
  router
    .route('/')
    .get(async function page(req, res) {
      // The cookie is SameSite=Strict, so a visitor who follows another site's link arrives without it. A refresh by this
      // page sends it.
      const state = await readState(req, context);
      const refresh = req.get('Sec-Fetch-Site') === 'cross-site' && !state.session;
      res.type('html').send(renderPage(originOf(context), state, { refresh }));
    })
    .all(methodNotAllowed('GET'));
  return router;
}

/** Sends the page after a change if asked for it (RFC 7240), else redirects, so that a reload repeats nothing. */
export async function answerWithPage(req: Request, res: Response, context: Context): Promise<void> {
  if (!/(^|[\s,])return=representation([\s,;]|$)/.test(req.get('Prefer') ?? '')) return res.redirect(303, '/');
  res.set('Preference-Applied', 'return=representation');
  res.type('html').send(renderPage(originOf(context), await readState(req, context)));
}
