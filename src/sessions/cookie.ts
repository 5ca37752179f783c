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
export const sayMaxAge: RequestHandler = function sayMaxAge(req, res, next) {
  const { setHeader } = res;
  const start = `${cookieName(req)}=s`;
  const withMaxAge = (line: string) => {
    const [, ends] = /; Expires=([^;]+)/.exec(line) ?? [];
    if (!line.startsWith(start) || ends === undefined) return line;
    return `${line}; Max-Age=${Math.ceil((Date.parse(ends) - Date.now()) / 1000)}`;
  };
  res.setHeader = function setHeaderWithMaxAge(name, value) {
    const isCookie = name.toLowerCase() === 'set-cookie' && Array.isArray(value);
    return setHeader.call(res, name, isCookie ? value.map(withMaxAge) : value);
  };
  next();
};

/** Takes the cookie of a set-up with another name for ours, where the visitor has not got ours yet. Its secret must be ours too. */
export function createCookieMigration(theirs: string): RequestHandler {
  return function takeOverCookie(req, _res, next) {
    const cookies = (req.headers.cookie ?? '').split(';').map((pair) => pair.trim());
    const their = cookies.find((pair) => pair.startsWith(`${theirs}=`));
    const name = cookieName(req);
    if (their && !cookies.some((pair) => pair.startsWith(`${name}=`))) {
      req.headers.cookie += `; ${name}=${their.slice(theirs.length + 1)}`;
    }
    next();
  };
}

export function clearCookie(req: Request, res: Response): void {
  res.clearCookie(cookieName(req), cookieOptions(req, req.secure));
}
