import type { RequestHandler } from 'express';
import { Problem } from './errors.ts';

const safe = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Refuses a request for no path, such as `OPTIONS *`: 400. */
export const requirePath: RequestHandler = function requirePath(req, _res, next) {
  if (req.url.startsWith('/')) return next();
  throw new Problem('invalid-request', 'The request names no path.');
};

/** Refuses an Idempotency-Key that would not be taken for one: 400. A repeat would take effect again. */
export const requireUsableKey: RequestHandler = function requireUsableKey(req, _res, next) {
  const key = req.get('Idempotency-Key');
  if (key === undefined || /^[\x21-\x7e]{1,128}$/.test(key)) return next();
  throw new Problem('invalid-request', 'Idempotency-Key must be 1 to 128 printable characters without spaces.');
};

/** Refuses a state change that a page of another site sent: 403. A client that is no browser sends neither header. */
export const refuseOtherSites: RequestHandler = function refuseOtherSites(req, _res, next) {
  if (safe.has(req.method)) return next();
  const site = req.get('Sec-Fetch-Site');
  const origin = req.get('Origin');
  const own =
    site === undefined
      ? origin === undefined || isSameHost(origin, req.get('Host'))
      : /^(same-origin|none)$/.test(site);
  if (own) return next();
  throw new Problem('other-site', 'A change is accepted from a page of this site alone.');
};

function isSameHost(origin: string, host = ''): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** Refuses a state change without TLS: 403. In production the session cookie is not given out there, so it would be lost. */
export const requireTls: RequestHandler = function requireTls(req, _res, next) {
  if (safe.has(req.method) || req.secure) return next();
  throw new Problem('tls-required', 'In production sessions live on TLS connections alone. Use https.');
};

/** Refuses a body that does not say it is JSON: 415. What was read as a form stands in `req.body` already. */
export const requireJson: RequestHandler = function requireJson(req, _res, next) {
  const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  if (!hasBody || req.body !== undefined || req.is('application/json')) return next();
  throw new Problem('not-json', 'Send the body as application/json.');
};
