import type { RequestHandler } from 'express';
import { Problem } from '../errors.ts';

const safe = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Refuses a request without a path, such as `OPTIONS *`: 400. */
export const requirePath: RequestHandler = function requirePath(req, _res, next) {
  if (req.url.startsWith('/')) return next();
  throw new Problem('invalid-request', 'The request has no path.');
};

/** Refuses an Idempotency-Key that the session layer would ignore: 400. A repeat would take effect again. */
export const requireUsableKey: RequestHandler = function requireUsableKey(req, _res, next) {
  const key = req.get('Idempotency-Key');
  if (key === undefined || /^[\x21-\x7e]{1,128}$/.test(key)) return next();
  throw new Problem('invalid-request', 'Idempotency-Key must be 1 to 128 printable characters without spaces.');
};

/** Refuses a state change sent by a page of another site: 403. Clients other than browsers send neither header. */
export const refuseOtherSites: RequestHandler = function refuseOtherSites(req, _res, next) {
  if (safe.has(req.method)) return next();
  const site = req.get('Sec-Fetch-Site');
  const origin = req.get('Origin');
  const own =
    site === undefined
      ? origin === undefined || isSameHost(origin, req.get('Host'))
      : /^(same-origin|none)$/.test(site);
  if (own) return next();
  throw new Problem('other-site', 'Changes are accepted from pages of this site only.');
};

function isSameHost(origin: string, host = ''): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** Refuses a state change without TLS: 403. In production the session cookie is only sent over TLS, so the change would be lost. */
export const requireTls: RequestHandler = function requireTls(req, _res, next) {
  if (safe.has(req.method) || req.secure) return next();
  throw new Problem('tls-required', 'In production sessions need TLS. Use https.');
};

/** Refuses a body that is not declared as JSON: 415. A form has already been parsed into `req.body`. */
export const requireJson: RequestHandler = function requireJson(req, _res, next) {
  const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  if (!hasBody || req.body !== undefined || req.is('application/json')) return next();
  throw new Problem('not-json', 'Send the body as application/json.');
};
