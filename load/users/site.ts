import { createHash } from 'node:crypto';
import type { Answer, NoAnswer, Request } from './connections.ts';
import type { Kind, Operation, Outcome } from './history.ts';

// What a site must offer so that the witness can test it: which request an operation is, and what its response shows.

/** The request of an operation, without headers. `session` is `user-0017.2`; `value` what is written. */
export function requestOf(kind: Kind, session: string, value = 0): Omit<Request, 'headers'> {
  switch (kind) {
    case 'login':
      return {
        method: 'POST',
        path: '/login',
        body: JSON.stringify({ name: userOf(session).replace('user-', 'User ') }),
      };
    case 'add':
      return { method: 'POST', path: '/cart/items', body: JSON.stringify({ sku: `${session}.${value}`, quantity: 1 }) };
    case 'prefer':
      return { method: 'PATCH', path: '/preferences', body: JSON.stringify({ language: languageOf(session, value) }) };
    case 'remove':
      return { method: 'DELETE', path: `/cart/items/${session}.${value}` };
    case 'logout':
      return { method: 'POST', path: '/logout' };
    case 'logout-everywhere':
      return { method: 'DELETE', path: '/sessions' };
    default:
      return { method: 'GET', path: `/${kind}` };
  }
}

const userOf = (session: string) => session.slice(0, session.lastIndexOf('.'));

/** A language tag that names its writer; each part may have 2 to 8 letters and digits. */
function languageOf(session: string, value: number): string {
  const [user, visit] = session.replace('user-', '').split('.').map(Number);
  return `en-u${String(user).padStart(4, '0')}-s${String(visit).padStart(4, '0')}-n${String(value).padStart(4, '0')}`;
}

const success = new Set([200, 201, 204]);

/**
 * How an operation ended. 500, 502 and 504 leave the outcome unknown. So does 503, unless the store `promises` that it
 * means "nothing changed" and the problem document does not say that the outcome is unknown.
 */
export function outcomeOf(kind: Kind, response: Answer | NoAnswer, promises: boolean): Outcome {
  if (!('status' in response)) return response.sent ? 'unknown' : 'fail';
  const { status, text } = response;
  if (success.has(status) || (status === 401 && kind === 'profile')) return 'ok';
  // The session is gone: nginx may have asked a second replica after the first one ended it.
  if (status === 401 && kind === 'logout-everywhere') return 'unknown';
  if (status < 400) return 'unknown'; // not a response of this site
  if (status < 500) return 'fail';
  return status === 503 && promises && !text.includes(':outcome-unknown') ? 'fail' : 'unknown';
}

/** The kind of problem that an error response names (RFC 9457); nothing if it names none. */
export function problemIn(text: string): { problem?: string } {
  const [, problem] = /"type":"urn:problem-type:unsticky:([a-z-]+)"/.exec(text) ?? [];
  return problem === undefined ? {} : { problem };
}

/** The session cookie that a response sets, as a Cookie header; empty if it clears it; undefined if it sets none. */
export function cookieIn(header: string | string[] | undefined): string | undefined {
  const pairs = [header ?? []].flat().flatMap((line) => {
    const pair = /^((?:__Host-)?sid)=([^;]*)/.exec(line); // the longer name is used over TLS
    return pair ? [pair[2] === '' ? '' : pair[0]] : [];
  });
  return pairs.at(-1);
}

/** Enough to tell two session ids apart, and nothing that opens a session. */
export function fingerprint(cookie: string): string | null {
  const id = cookie.replace(/(~[0-9a-z]+)?\.[^.]*$/, ''); // when it was given out, and the signature, are not the id
  return cookie === '' ? null : createHash('sha256').update(id).digest('hex').slice(0, 12);
}

export type Observation = Pick<Operation, 'observed' | 'observedUser' | 'replicaStartedAt'>;

/** What a response shows. One that cannot be parsed leaves the outcome unknown. */
export function observe(
  kind: Kind,
  response: Answer,
  session: string,
): Observation | { outcome: 'unknown'; error: string } {
  try {
    return parse(kind, response, session);
  } catch (err) {
    return { outcome: 'unknown', error: `unreadable response: ${(err as Error).message}`.slice(0, 200) };
  }
}

function parse(kind: Kind, { status, text }: Answer, session: string): Observation {
  if (kind === 'profile' && status === 401) return { observedUser: null };
  if (status !== 200 && status !== 201) return {};
  const body = JSON.parse(text);
  switch (kind) {
    case 'profile':
      return { observedUser: body.user.id };
    case 'whoami':
      return { observedUser: body.user?.id ?? null, replicaStartedAt: body.startedAt };
    case 'cart':
    case 'add':
    case 'remove':
      return { observed: skusIn(body.items, session) };
    case 'prefer':
    case 'preferences':
      return { observed: body.language === undefined ? [] : [writerOf(body.language, session)] };
    default:
      return {};
  }
}

function skusIn(items: { sku: string; quantity: number }[], session: string): (number | string)[] {
  const own = `${session}.`;
  return items.flatMap(({ sku, quantity }) => {
    const value = sku.startsWith(own) ? Number(sku.slice(own.length)) : sku;
    return quantity === 1 ? value : Array<number | string>(quantity).fill(value);
  });
}

function writerOf(language: string, session: string): number | string {
  const [, user, visit, value] = /^en-u(\d+)-s(\d+)-n(\d+)$/.exec(language) ?? [];
  if (value === undefined) return language;
  const name = `user-${user}.${Number(visit)}`;
  return name === session ? Number(value) : `${name}.${Number(value)}`;
}
