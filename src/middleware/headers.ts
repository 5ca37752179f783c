import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** Names the replica on every response, and forbids caches to store it. */
export function replicaHeaders(replica: string): RequestHandler {
  return function setReplicaHeaders(_req, res, next) {
    res.set({ 'X-Served-By': replica, 'Cache-Control': 'no-store' });
    next();
  };
}

/** Security headers, with a policy that allows the page's own files only. */
export function securityHeaders(production: boolean): RequestHandler {
  return helmet({
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
}
