import { createHash } from 'node:crypto';
import express, { type RequestHandler, Router } from 'express';
import { Problem } from '../errors.ts';

/**
 * Parses the forms of `/page/…`: small, urlencoded, with a key.
 *
 * A form cannot set an Idempotency-Key, so its key is in the URL (`/page/cart?key=…`) and is used as the header here. nginx
 * finds it there too and repeats the request on another replica if one dies (nginx.conf). A hidden field would make a form
 * that is sent twice count once, but nginx could not repeat it.
 */
export function createFormReader(): Router {
  const router = Router();
  router.use('/page', requireForm, express.urlencoded({ extended: false, limit: '4kb', parameterLimit: 10 }), useKey);
  return router;
}

const requireForm: RequestHandler = function requireForm(req, _res, next) {
  const isOther = req.headers['content-type'] !== undefined && !req.is('application/x-www-form-urlencoded');
  if (!isOther || req.method === 'GET' || req.method === 'HEAD') return next();
  throw new Problem('not-form', 'Send a form: application/x-www-form-urlencoded.');
};

/** The fields are part of the key: a form that is changed after "back" is another change. */
const useKey: RequestHandler = function useKey(req, _res, next) {
  const { key } = req.query;
  if (key === undefined || req.headers['idempotency-key'] !== undefined) return next();
  if (typeof key !== 'string' || !/^[\w-]{1,128}$/.test(key))
    throw new Problem('invalid-request', 'The key of this form cannot be read. Load the page again.');
  const digest = createHash('sha256').update(`${key} ${JSON.stringify(req.body ?? null)}`);
  req.headers['idempotency-key'] = digest.digest('base64url');
  next();
};
