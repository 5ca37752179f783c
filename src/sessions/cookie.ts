import type { CookieOptions, Request, RequestHandler, Response } from 'express';

/** `__Host-` makes a browser refuse the cookie unless it came over TLS from this very host (RFC 6265bis, 4.1.3.2). */
export function cookieName(req: Request): string {
  return req.secure ? '__Host-sid' : 'sid';
}

export function cookieOptions(req: Request, secureOnly: boolean): CookieOptions {
  return { httpOnly: true, sameSite: 'strict', path: '/', secure: secureOnly || req.secure };
}

/**
 * Says in the session's cookie how long it lives (Max-Age); goes before express-session, which says only when it ends
 * (Expires), by the replica's clock: to a browser whose clock is ahead that may be over already.
 */
export function createMaxAge(seconds: number): RequestHandler {
  return function sayMaxAge(req, res, next) {
    const { setHeader } = res;
    const start = `${cookieName(req)}=s`;
    const withMaxAge = (line: string) => (line.startsWith(start) ? `${line}; Max-Age=${seconds}` : line);
    res.setHeader = function setHeaderWithMaxAge(name, value) {
      const isCookie = name.toLowerCase() === 'set-cookie' && Array.isArray(value);
      return setHeader.call(res, name, isCookie ? value.map(withMaxAge) : value);
    };
    next();
  };
}

export function clearCookie(req: Request, res: Response): void {
  res.clearCookie(cookieName(req), cookieOptions(req, req.secure));
}
