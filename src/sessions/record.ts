import { SessionError } from './errors.ts';
import { newRevision, sha1 } from './hash.ts';
import type { Attributes } from './options.ts';

/** A session as it is stored in Redis. Times are milliseconds since 1970 by Redis's clock. */
export interface Stored {
  /** The complete text. */
  text: string;
  /** What no other text has: how it begins, up to its revision, or its SHA-1 if it has none. A write names it. */
  version: string;
  /** When the session began; 0 if plain connect-redis has written it, which does not say. */
  createdAt: number;
  /** The settings of its own cookie that differ from the layer's, as JSON (OwnCookie); '' if none do. */
  cookie: string;
  /** The attributes as JSON. Parsed again for each use, because applications change what they get. */
  json: string;
}

/** `req.session.cookie.…` of one session, as far as it differs from the options of the layer. */
export interface OwnCookie {
  /** Milliseconds; null for a cookie that ends with the browser. */
  maxAge?: number | null;
  [setting: string]: unknown;
}

const head =
  /^(\{"createdAt":(\d+),("revision":"[\w-]+",)?)(?:"cookieAt":\d+,)?(?:"cookie":(\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}),)?"attributes":/;

/** Reads what writeStored, version 0.1 of it, or plain connect-redis has written; undefined if it cannot be read. */
export function readStored(text: string): Stored | undefined {
  const [start, version, createdAt, revision, cookie = ''] = head.exec(text) ?? [];
  if (start === undefined) return readPlain(text);
  if (!text.endsWith('}}')) return undefined; // cut off
  const own = revision === undefined ? sha1(text) : (version as string);
  return { text, version: own, createdAt: Number(createdAt), cookie, json: text.slice(start.length, -1) };
}

function readPlain(text: string): Stored | undefined {
  try {
    const data = JSON.parse(text) as unknown;
    if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
    const { cookie, ...attributes } = data as Attributes;
    for (const name of reserved) delete attributes[name];
    const { originalMaxAge: maxAge } = (cookie ?? {}) as { originalMaxAge?: unknown };
    const own = typeof maxAge === 'number' ? JSON.stringify({ maxAge }) : '';
    return { text, version: sha1(text), createdAt: 0, cookie: own, json: JSON.stringify(attributes) };
  } catch {
    return undefined;
  }
}

/** An attribute with one of these names would hide a part of express-session's session object. */
const reserved = ['cookie', 'id', 'req', 'touch', 'resetMaxAge', 'save', 'reload', 'destroy', 'regenerate'];

/** @throws {SessionError} not-storable */
export function requireStorable(json: string, attributes: Attributes): void {
  // In JSON this can be a key only: in a value its quotes would be escaped.
  if (json.includes('"__proto__":') || reserved.some((name) => Object.hasOwn(attributes, name)))
    throw new SessionError('not-storable');
}

/** @throws {SessionError} session-too-large */
export function writeStored(json: string, cookie: string, createdAt: number, maxBytes: number): Stored {
  const version = `{"createdAt":${createdAt},"revision":"${newRevision()}",`;
  const text = `${version}${cookie && `"cookie":${cookie},`}"attributes":${json}}`;
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) throw new SessionError('session-too-large');
  return { text, version, createdAt, cookie, json };
}

/** A new copy at each call. */
export function readAttributes(stored: Stored | undefined): Attributes {
  return stored ? JSON.parse(stored.json) : {};
}

export function readOwnCookie(stored: Stored | undefined): OwnCookie {
  return stored?.cookie ? JSON.parse(stored.cookie) : {};
}

/**
 * How long a session lives without use, in milliseconds: what its own cookie settings say, or else `usualMs`. Not positive
 * if the application has ended it so (`req.session.cookie.maxAge = 0`).
 */
export function lifetimeOf(ownCookie: string, usualMs: number): number {
  if (ownCookie === '') return usualMs;
  const { maxAge } = JSON.parse(ownCookie) as OwnCookie;
  return typeof maxAge === 'number' ? Math.ceil(maxAge) : usualMs;
}

/** Each attribute as JSON; those that JSON leaves out are absent. */
export function textsOf(attributes: Attributes): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [name, value] of Object.entries(attributes)) {
    const text = JSON.stringify(value) as string | undefined;
    if (text !== undefined) texts.set(name, text);
  }
  return texts;
}
