import { SessionError } from './errors.ts';

/** The attributes of a session: all that an application has put there. */
export type Attributes = Record<string, unknown>;

/** A session as it stands in Redis. Times are milliseconds since 1970 by Redis's clock. */
export interface Stored {
  /** The whole text, whose digest a write names. */
  text: string;
  /** When the session began; 0 where plain connect-redis has written it, which does not say. */
  createdAt: number;
  /** When it was last written; likewise. */
  cookieAt: number;
  /** The attributes as JSON. Parsed anew for each use, because applications change what they are given. */
  json: string;
}

const head = /^\{"createdAt":(\d+),"cookieAt":(\d+),"attributes":/;

/** Reads what writeStored or plain connect-redis has written. */
export function readStored(text: string): Stored {
  const [start, createdAt, cookieAt] = head.exec(text) ?? [];
  if (start !== undefined) {
    return { text, createdAt: Number(createdAt), cookieAt: Number(cookieAt), json: text.slice(start.length, -1) };
  }
  return { text, createdAt: 0, cookieAt: 0, json: JSON.stringify(attributesOf(JSON.parse(text))) };
}

/** What express-session's session objects, and this layer, have under these names would be hidden. */
const reserved = ['id', 'req', 'touch', 'resetMaxAge', 'save', 'reload', 'destroy', 'regenerate'];

/** @throws {SessionError} session-too-large, not-storable */
export function writeStored(attributes: Attributes, createdAt: number, cookieAt: number, maxBytes: number): Stored {
  const json = JSON.stringify(attributes);
  const text = `{"createdAt":${createdAt},"cookieAt":${cookieAt},"attributes":${json}}`;
  // In JSON this stands for a key alone: in a value its quotes would be escaped.
  if (json.includes('"__proto__":') || reserved.some((name) => Object.hasOwn(attributes, name)))
    throw new SessionError('not-storable');
  if (Buffer.byteLength(text) > maxBytes) throw new SessionError('session-too-large');
  return { text, createdAt, cookieAt, json };
}

/** A copy of its own, whichever changes it gets. */
export function readAttributes(stored: Stored | undefined): Attributes {
  return stored ? JSON.parse(stored.json) : {};
}

/** The attributes of a session object, which are all but its cookie. */
export function attributesOf(session: object): Attributes {
  const { cookie: _cookie, ...attributes } = session as Attributes;
  return attributes;
}

/** The attributes of a session object, each as JSON, as they are at this moment. */
export function textsOf(attributes: Attributes): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [name, value] of Object.entries(attributes)) {
    const text = JSON.stringify(value) as string | undefined;
    if (text !== undefined) texts.set(name, text);
  }
  return texts;
}

/**
 * Puts into a session object what others have changed, and leaves alone what its own request has: an attribute that shows
 * the same as what stands, or that was changed since `before`, keeps its value, and with it whatever refers to that.
 */
export function bringUpToDate(session: object, before: Map<string, string>, standing: Attributes): void {
  const target = session as Attributes;
  const [shown, stands] = [textsOf(attributesOf(session)), textsOf(standing)];
  for (const name of new Set([...before.keys(), ...stands.keys()])) {
    if (shown.get(name) !== before.get(name) || shown.get(name) === stands.get(name)) continue;
    if (stands.has(name)) target[name] = standing[name];
    else delete target[name];
  }
}

/** Makes the session object show these attributes and no others, in this order: in another it would count as changed. */
export function replaceAttributes(session: object, attributes: Attributes): void {
  const target = session as Attributes;
  for (const name of Object.keys(attributesOf(session))) delete target[name];
  Object.assign(target, attributes);
}

/** A copy that shares nothing with the original, as it comes back from Redis. */
export function copyAttributes(attributes: Attributes): Attributes {
  return JSON.parse(JSON.stringify(attributes));
}
