import { createHmac, timingSafeEqual } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { CookieOptions } from 'express';
import session, { type Cookie } from 'express-session';
import type { AnyRequest, SignedId } from '../request/state.ts';

/** `__Host-` makes a browser refuse the cookie unless it came over TLS from this very host (RFC 6265bis, 4.1.3.2). */
export function cookieName(req: AnyRequest): string {
  return isSecure(req) ? '__Host-sid' : 'sid';
}

/** Express knows better, where it trusts a proxy. */
export function isSecure(req: AnyRequest): boolean {
  return req.secure ?? (req.socket as TLSSocket | undefined)?.encrypted === true;
}

/** Whether a cookie of this path can come with the request; as in express-session, no other request has a session. */
export function isBelow(req: AnyRequest, path: string): boolean {
  if (path === '/') return true;
  const url = req.originalUrl ?? req.url ?? '/';
  return (url.startsWith('/') ? url : (URL.parse(url)?.pathname ?? '/')).startsWith(path);
}

/**
 * The value of a cookie: `s:<id>~<time>[~<life>].<signature>`, both in seconds with base 36. The signature is that of
 * express-session (cookie-signature).
 */
export function signId({ id, at = 0, lifeMs }: SignedId, secret: string): string {
  const life = lifeMs === undefined ? '' : `~${Math.ceil(lifeMs / 1000).toString(36)}`;
  const value = `${id}~${Math.round(at / 1000).toString(36)}${life}`;
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

/** Cookies whose signature was valid, by their text: a visitor sends the same with each request. */
export type KnownCookies = Map<string, SignedId>;
const maxKnown = 10_000;

function verify(text: string, secrets: string[], known: KnownCookies): SignedId | undefined {
  const remembered = known.get(text);
  if (remembered) return remembered;
  const found = verifySignature(text, secrets);
  if (!found) return undefined;
  if (known.size >= maxKnown) known.clear();
  known.set(text, found);
  return found;
}

function verifySignature(text: string, secrets: string[]): SignedId | undefined {
  const raw = decode(text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text);
  const end = raw.lastIndexOf('.');
  if (!raw.startsWith('s:') || end < 0) return undefined;
  const [value, given] = [raw.slice(2, end), raw.slice(end + 1)];
  const signedBy = secrets.findIndex((secret) => isSame(signature(value, secret), given));
  if (signedBy < 0) return undefined;
  const [, id = value, at, life] = /^(.+?)~([0-9a-z]{1,9})(?:~([0-9a-z]{1,9}))?$/.exec(value) ?? [];
  const msOf = (text: string | undefined) => (text === undefined ? undefined : Number.parseInt(text, 36) * 1000);
  return { id, at: msOf(at), lifeMs: msOf(life), isOutdated: signedBy > 0 };
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
