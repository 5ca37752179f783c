import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { CookieOptions, RequestHandler } from 'express';
import session, { type Cookie } from 'express-session';
import type { AnyRequest } from '../state.ts';

/** `__Host-` makes a browser refuse the cookie unless it came over TLS from this very host (RFC 6265bis, 4.1.3.2). */
export function cookieName(req: AnyRequest): string {
  return isSecure(req) ? '__Host-sid' : 'sid';
}

/** Express knows better, where it trusts a proxy. */
export function isSecure(req: AnyRequest): boolean {
  return req.secure ?? (req.socket as TLSSocket | undefined)?.encrypted === true;
}

export function cookieOptions(req: AnyRequest, secureOnly: boolean): CookieOptions {
  return { httpOnly: true, sameSite: 'strict', path: '/', secure: secureOnly || isSecure(req) };
}

/** What a signed cookie names. */
export interface SignedId {
  id: string;
  /** When it was given out, in milliseconds since 1970; undefined for a cookie of express-session, which does not say. */
  at: number | undefined;
}

/** The value of a cookie: `s:<id>~<time>.<signature>`. The signature is that of express-session (cookie-signature). */
export function signId(id: string, at: number, secret: string): string {
  const value = `${id}~${Math.round(at / 1000).toString(36)}`;
  return `s:${value}.${signature(value, secret)}`;
}

/** Finds the first cookie of this name whose signature holds: another application may have set one of the same name. */
export function readSignedId(
  header: string | undefined,
  name: string,
  secrets: string[],
  known: KnownCookies,
): SignedId | undefined {
  if (header === undefined) return undefined;
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=');
    if (at < 0 || pair.slice(0, at).trim() !== name) continue;
    const found = verify(pair.slice(at + 1).trim(), secrets, known);
    if (found) return found;
  }
  return undefined;
}

/** Signatures that were found right, by the text of the cookie: a visitor sends the same with each request. */
export type KnownCookies = Map<string, SignedId>;
const mostKnown = 10_000;

function verify(text: string, secrets: string[], known: KnownCookies): SignedId | undefined {
  const found = known.get(text) ?? verifyAnew(text, secrets);
  if (!found) return undefined;
  // The one that was used the longest ago is the first of the map.
  known.delete(text);
  known.set(text, found);
  if (known.size > mostKnown) known.delete(known.keys().next().value as string);
  return found;
}

function verifyAnew(text: string, secrets: string[]): SignedId | undefined {
  const raw = decode(text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text);
  const end = raw.lastIndexOf('.');
  if (!raw.startsWith('s:') || end < 0) return undefined;
  const [value, given] = [raw.slice(2, end), raw.slice(end + 1)];
  if (!secrets.some((secret) => isSame(signature(value, secret), given))) return undefined;
  const [, id = value, at] = /^(.+)~([0-9a-z]{1,9})$/.exec(value) ?? [];
  return { id, at: at === undefined ? undefined : Number.parseInt(at, 36) * 1000 };
}

function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function signature(value: string, secret: string): string {
  return createHmac('sha256', secret).update(value).digest('base64').replace(/=+$/, '');
}

function isSame(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What express-session's types leave out. */
interface Serializable {
  serialize(name: string, value: string): string;
}

/**
 * The Set-Cookie header. It says how long the cookie lives (Max-Age) besides when it ends (Expires), which goes by this
 * machine's clock: to a browser whose clock is ahead that may be over already.
 */
export function setCookieLine(name: string, value: string, cookie: Cookie): string {
  const line = (cookie as unknown as Serializable).serialize(name, value);
  const { maxAge } = cookie;
  return typeof maxAge === 'number' ? `${line}; Max-Age=${Math.ceil(maxAge / 1000)}` : line;
}

/** Makes the browser forget the cookie. */
export function clearCookieLine(name: string, options: CookieOptions): string {
  const { maxAge: _maxAge, ...others } = options;
  const cookie = new (session.Cookie as unknown as new (options: object) => Serializable)({
    ...others,
    expires: new Date(0),
  });
  return cookie.serialize(name, '');
}

/** Says in the cookie of express-session how long it lives, for set-ups without a DurableStore; goes before it. */
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

/** The header of a request in which the cookie of another name stands under ours, where the visitor has not got ours yet. */
export function takeOverCookie(req: IncomingMessage, theirs: string, name: string): string | undefined {
  const { cookie: header = '' } = req.headers;
  const cookies = header.split(';').map((pair) => pair.trim());
  const their = cookies.find((pair) => pair.startsWith(`${theirs}=`));
  if (!their || cookies.some((pair) => pair.startsWith(`${name}=`))) return header;
  return `${header}; ${name}=${their.slice(theirs.length + 1)}`;
}
