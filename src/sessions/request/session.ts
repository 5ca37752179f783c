import session, { type Cookie } from 'express-session';
import { SessionError } from '../errors.ts';
import type { Attributes } from '../options.ts';
import { type OwnCookie, readAttributes, readOwnCookie, type Stored, textsOf } from '../record.ts';
import { type AnyRequest, stateOf } from './state.ts';

const { Session, Cookie: CookieOf } = session as unknown as {
  Session: new (req: object) => object;
  Cookie: new (options: object) => Cookie;
};

/**
 * The session object of a request: express-session's, and what is stored of it. It is the application's own: a save never
 * replaces it nor what it contains. What the request has changed is the difference between what is stored and what the
 * object shows when it is looked at.
 */
export class RequestSession extends Session {
  #stored: Stored | undefined;
  #cookie: Cookie | undefined;

  constructor(req: object, stored: Stored | undefined) {
    super(req);
    this.#stored = stored;
    Object.defineProperty(this, 'cookie', cookieProperty);
    if (stored) Object.assign(this, readAttributes(stored));
  }

  static storedOf(object: object): Stored | undefined {
    return #stored in object ? object.#stored : undefined;
  }

  static setStored(object: object, stored: Stored | undefined): void {
    if (#stored in object) object.#stored = stored;
  }

  /** Made when it is first looked at: few requests do. */
  static cookieOf(object: RequestSession): Cookie {
    object.#cookie ??= createCookie((object as { req?: AnyRequest }).req, readOwnCookie(object.#stored));
    return object.#cookie;
  }

  static setCookie(object: object, cookie: Cookie | undefined): void {
    if (#stored in object) object.#cookie = cookie;
  }

  /** The settings of its cookie that differ from the layer's, as JSON; '' if none do. */
  static ownCookieOf(object: object): string {
    if (!(#stored in object)) return '';
    const cookie = object.#cookie;
    if (!cookie) return object.#stored?.cookie ?? '';
    if (!(cookie instanceof CookieOf)) throw new SessionError('not-storable');
    return differences(cookie, createCookie((object as { req?: AnyRequest }).req, {}));
  }
}

const cookieProperty: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: RequestSession) {
    return RequestSession.cookieOf(this);
  },
  set(this: RequestSession, cookie: Cookie) {
    RequestSession.setCookie(this, cookie);
  },
};

function createCookie(req: AnyRequest | undefined, own: OwnCookie): Cookie {
  const chosen = { ...(req && stateOf(req)?.store.cookieFor(req)), ...own };
  // Last, because the class computes it from the time that is left, which may be a millisecond less.
  return new CookieOf({ ...chosen, originalMaxAge: chosen.maxAge });
}

const settings = ['sameSite', 'domain', 'path', 'secure', 'httpOnly', 'partitioned', 'priority'] as const;

/** By so much a lifetime may differ from what was set: see createCookie. */
const roundingMs = 5;

function differences(cookie: Cookie, usual: Cookie): string {
  const own: OwnCookie = {};
  const { originalMaxAge: maxAge } = cookie;
  const isUsual = typeof maxAge === 'number' && Math.abs(maxAge - (usual.originalMaxAge ?? 0)) <= roundingMs;
  if (!isUsual) own.maxAge = typeof maxAge === 'number' ? maxAge : null;
  const [shown, expected] = [cookie, usual] as unknown as [OwnCookie, OwnCookie];
  for (const name of settings) if (shown[name] !== expected[name]) own[name] = shown[name] ?? null;
  if (Object.keys(own).length === 0) return '';
  requireCookie(cookie);
  return JSON.stringify(own);
}

/** @throws {TypeError} if the settings make no cookie */
function requireCookie(cookie: Cookie): void {
  try {
    (cookie as Cookie & { serialize(name: string, value: string): string }).serialize('sid', '');
  } catch (cause) {
    throw new TypeError(`req.session.cookie: ${(cause as Error).message}`, { cause });
  }
}

/** What a session object shows, as JSON. */
export function jsonOf(object: object): string {
  return JSON.stringify(attributesOf(object));
}

function attributesOf(object: object): Attributes {
  const attributes: Attributes = {};
  for (const name of Object.keys(object)) {
    if (name === 'cookie') continue;
    if (name === '__proto__') throw new SessionError('not-storable');
    attributes[name] = (object as Attributes)[name];
  }
  return attributes;
}

export function isChanged(object: object): boolean {
  const stored = RequestSession.storedOf(object);
  if (jsonOf(object) !== (stored?.json ?? '{}')) return true;
  return stored !== undefined && RequestSession.ownCookieOf(object) !== stored.cookie;
}

/** Makes a session object show what is stored. */
export function adopt(object: object, stored: Stored): void {
  RequestSession.setStored(object, stored);
  RequestSession.setCookie(object, undefined);
  replaceAttributes(object, readAttributes(stored));
}

/**
 * Notes what was written, and shows what others have changed: an attribute that this request has changed since the write
 * began keeps its value, and with it whatever refers to that value.
 * @param shown what the object showed when the write began, as JSON
 * @param written the attributes that are stored; objects in it become the application's
 */
export function keepUp(object: object, stored: Stored, shown: string, written: Attributes): void {
  const isCookieUnchanged = RequestSession.ownCookieOf(object) === (RequestSession.storedOf(object)?.cookie ?? '');
  RequestSession.setStored(object, stored);
  if (isCookieUnchanged) RequestSession.setCookie(object, undefined);
  if (shown === stored.json) return;
  const target = object as unknown as Attributes;
  const [now, saved] = [textsOf(attributesOf(object)), textsOf(written)];
  const before = joinTexts(now) === shown ? now : textsOf(JSON.parse(shown)); // most often nothing was changed since
  for (const name of new Set([...before.keys(), ...saved.keys()])) {
    if (now.get(name) !== before.get(name) || now.get(name) === saved.get(name)) continue;
    if (saved.has(name)) target[name] = written[name];
    else delete target[name];
  }
  // In the order of what is stored, or it would look changed.
  const current = attributesOf(object);
  const names = [...saved.keys()].filter((name) => Object.hasOwn(current, name));
  const order = Object.keys(current);
  if (names.every((name, at) => name === order[at])) return;
  replaceAttributes(object, { ...Object.fromEntries(names.map((name) => [name, current[name]])), ...current });
}

function joinTexts(texts: Map<string, string>): string {
  return `{${[...texts].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}

/** In this order: in another it would look changed. */
export function replaceAttributes(object: object, attributes: Attributes): void {
  const target = object as Attributes;
  for (const name of Object.keys(object)) if (name !== 'cookie') delete target[name];
  Object.assign(target, attributes);
}
