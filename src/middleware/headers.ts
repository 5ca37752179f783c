import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** Sets what every response has: the replica's name, `no-store` for caches, and security headers. Computed once. */
export function responseHeaders(replica: string, production: boolean): RequestHandler {
  const headers: [string, string][] = [
    ['X-Served-By', replica],
    ['Cache-Control', 'no-store'],
    ...securityHeaders(production),
  ];
  return function setHeaders(_req, res, next) {
    for (const [name, value] of headers) res.setHeader(name, value);
    next();
  };
}

/** Security headers, with a policy that allows the page's own files only. helmet would compute them for each request. */
function securityHeaders(production: boolean): [string, string][] {
  const setAll = helmet({
    // In development the page is also served without TLS, and other things may run on localhost.
    strictTransportSecurity: production,
    // Without TLS browsers ignore it and log an error.
    crossOriginOpenerPolicy: production,
    // Without a referrer browsers send `Origin: null` with forms, which without TLS is all that tells where they come from.
    referrerPolicy: { policy: 'same-origin' },
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        connectSrc: ["'self'"],
        imgSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
  });
  const headers: [string, string][] = [];
  const setHeader = (name: string, value: string) => headers.push([name, value]);
  setAll({} as IncomingMessage, { setHeader, removeHeader() {} } as unknown as ServerResponse, (err) => {
    if (err) throw err;
  });
  return headers;
}
