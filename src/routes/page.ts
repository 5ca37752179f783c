import { readFileSync } from 'node:fs';
import { Router } from 'express';
import { methodNotAllowed } from '../errors.ts';

const files = { '/': 'index.html', '/page.css': 'page.css', '/page.js': 'page.js', '/page.svg': 'page.svg' };

/** The visitor's page: a few files, read once. It needs no session, so it is there even where Redis is away. */
export function createPageRouter(): Router {
  const router = Router();
  for (const [path, name] of Object.entries(files)) {
    const content = readFileSync(new URL(`../page/${name}`, import.meta.url));
    router
      .route(path)
      .get(function page(_req, res) {
        res.type(name).send(content);
      })
      .all(methodNotAllowed('GET'));
  }
  return router;
}
