import { createHash } from 'node:crypto';
import express, { type RequestHandler, Router } from 'express';
import { Problem } from './errors.ts';

/**
 * Reads what HTML forms send to `/page/…`: small, urlencoded, with their key.
 *
 * A form cannot set an Idempotency-Key, so its key stands in its address (`/page/cart?key=…`) and is taken for the header
 * here. There nginx finds it too, and sends the request to another replica when one dies under it (nginx.conf); a hidden
 * field would make a form that is sent twice count once, but a killed replica would still cost its visitor an answer.
 */
export function createFormReader(): Router {
  const router = Router();
  router.use('/page', requireForm, express.urlencoded({ extended: false, limit: '4kb', parameterLimit: 10 }), takeKey);
  return router;
}

const requireForm: RequestHandler = function requireForm(req, _res, next) {
  const isOther = req.headers['content-type'] !== undefined && !req.is('application/x-www-form-urlencoded');
  if (!isOther || req.method === 'GET' || req.method === 'HEAD') return next();
  throw new Problem('not-form', 'This address is for the forms of the page: application/x-www-form-urlencoded.');
};

/** What was filled in counts as part of the key: a form that one goes back to and fills in anew is another change. */
const takeKey: RequestHandler = function takeKey(req, _res, next) {
  const { key } = req.query;
  if (key === undefined || req.headers['idempotency-key'] !== undefined) return next();
  if (typeof key !== 'string' || !/^[\w-]{1,128}$/.test(key))
    throw new Problem('invalid-request', 'The key of this form cannot be read. Load the page again.');
  const digest = createHash('sha256').update(`${key} ${JSON.stringify(req.body ?? null)}`);
  req.headers['idempotency-key'] = digest.digest('base64url');
  next();
};
