import { createHash, randomUUID } from 'node:crypto';
import { type Answer, type Connections, createConnections, type NoAnswer, type Request } from './connections.ts';
import type { Kind, Operation, Outcome } from './history.ts';

/** What a browser keeps of one visit. */
export interface Visit {
  /** `user-0017.2` */
  session: string;
  /** The session cookie, as a Cookie header; empty where there is none. */
  cookie: string;
}

/** What is different from a plain request of this kind. */
export interface Details {
  value?: number;
  /** Sent instead of the visit's own. */
  cookie?: { is: 'logged-out' | 'before-login'; value: string };
  ends?: string[];
  /** The operation that this one repeats. */
  repeats?: Operation;
}

/** Sends the requests of users and records how each ended and what it showed. */
export interface Witness {
  /** In the order in which they ended. */
  readonly operations: Operation[];
  readonly invoked: number;
  /** Operations that did not end ok, but for refusals by a session that was ended, and closed connections. */
  readonly failed: number;
  /** What the X-Request-Id of all its requests begins with. */
  readonly run: string;
  operate(visit: Visit, kind: Kind, details?: Details): Promise<Operation>;
  close(): Promise<void>;
}

export interface WitnessOptions {
  url: string;
  connections: number;
  /** Writes have an Idempotency-Key. */
  keys: boolean;
  /** The store promises that a 503 changed nothing, unless it says that it does not know. */
  promises: boolean;
  /** Milliseconds since the run began. */
  now(): number;
}

export function createWitness({ url, connections: count, keys, promises, now }: WitnessOptions): Witness {
  const connections: Connections = createConnections(url, count);
  const operations: Operation[] = [];
  const run = randomUUID().slice(0, 8);
  const keyOf = new WeakMap<Operation, string>();
  let [invoked, failed] = [0, 0];
  return {
    operations,
    run,
    get invoked() {
      return invoked;
    },
    get failed() {
      return failed;
    },
    async operate(visit, kind, details = {}) {
      const { value, cookie, ends, repeats } = details;
      const id = ++invoked;
      const key = (repeats && keyOf.get(repeats)) ?? randomUUID();
      const request = requestOf(kind, visit.session, value);
      const headers: Record<string, string> = { 'x-request-id': `${run}-${id}` };
      const sent = cookie ? cookie.value : visit.cookie;
      if (sent) headers.cookie = sent;
      if (request.body !== undefined) headers['content-type'] = 'application/json';
      if (keys && request.method !== 'GET') headers['idempotency-key'] = key;
      let start = 0;
      const answer = await connections.send({ ...request, headers }, () => {
        start = now();
      });
      const operation: Operation = {
        id,
        session: visit.session,
        kind,
        ...(value !== undefined && { value }),
        start,
        end: now(),
        outcome: outcomeOf(kind, answer, promises),
        status: 'status' in answer ? answer.status : null,
        replica: 'status' in answer ? String(answer.headers['x-served-by'] ?? '') || null : null,
        ...('status' in answer ? sawOrNot(kind, answer, visit.session) : { error: answer.error }),
        ...(cookie && { cookie: cookie.is }),
        ...(ends && { ends }),
        ...(repeats && { repeats: repeats.id }),
      };
      if ('status' in answer && !cookie) {
        keepCookie(visit, answer.headers['set-cookie']);
        if (kind === 'login' && operation.outcome === 'ok')
          operation.ids = [fingerprint(sent), fingerprint(visit.cookie)];
      }
      keyOf.set(operation, key);
      if (operation.outcome !== 'ok' && operation.status !== 401 && operation.error !== 'closed') failed += 1;
      operations.push(operation);
      return operation;
    },
    close: () => connections.close(),
  };
}

function requestOf(kind: Kind, session: string, value = 0): Omit<Request, 'headers'> {
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

/** A language tag that says who wrote it: its parts may have 2 to 8 letters and digits. */
function languageOf(session: string, value: number): string {
  const [user, visit] = session.replace('user-', '').split('.').map(Number);
  return `en-u${String(user).padStart(4, '0')}-s${String(visit).padStart(4, '0')}-n${String(value).padStart(4, '0')}`;
}

const answered = new Set([200, 201, 204]);

/**
 * 502, 504 and 500 leave open what became of the request. 503 says that nothing was changed where the store promises
 * that, unless its problem says that the outcome is unknown.
 */
export function outcomeOf(kind: Kind, answer: Answer | NoAnswer, promises: boolean): Outcome {
  if (!('status' in answer)) return answer.sent ? 'unknown' : 'fail';
  const { status, text } = answer;
  if (answered.has(status) || (status === 401 && kind === 'profile')) return 'ok';
  // The session is gone: nginx may have asked a second replica, after the first had ended it.
  if (status === 401 && kind === 'logout-everywhere') return 'unknown';
  if (status < 400) return 'unknown'; // it is no answer of this site
  if (status < 500) return 'fail';
  return status === 503 && promises && !text.includes(':outcome-unknown') ? 'fail' : 'unknown';
}

function keepCookie(visit: Visit, header: string | string[] | undefined): void {
  for (const line of [header ?? []].flat()) {
    const pair = /^((?:__Host-)?sid)=([^;]*)/.exec(line); // over TLS it has the longer name
    if (pair) visit.cookie = pair[2] === '' ? '' : pair[0];
  }
}

/** Enough to tell two session ids apart, and nothing that opens a session. */
function fingerprint(cookie: string): string | null {
  const id = cookie.slice(0, cookie.lastIndexOf('.')); // its signature changes with the secret
  return cookie === '' ? null : createHash('sha256').update(id).digest('hex').slice(0, 12);
}

type Saw = Pick<Operation, 'saw' | 'sawUser' | 'replicaStarted'>;

/** An answer that cannot be read says nothing of what was done. */
function sawOrNot(kind: Kind, answer: Answer, session: string): Saw | { outcome: 'unknown'; error: string } {
  try {
    return sawIn(kind, answer, session);
  } catch (err) {
    return { outcome: 'unknown', error: `unreadable answer: ${(err as Error).message}`.slice(0, 200) };
  }
}

function sawIn(kind: Kind, { status, text }: Answer, session: string): Saw {
  if (kind === 'profile' && status === 401) return { sawUser: null };
  if (status !== 200 && status !== 201) return {};
  const body = JSON.parse(text);
  switch (kind) {
    case 'profile':
      return { sawUser: body.user.id };
    case 'whoami':
      return { sawUser: body.user?.id ?? null, replicaStarted: body.startedAt };
    case 'cart':
    case 'add':
    case 'remove':
      return { saw: skusIn(body.items, session) };
    case 'prefer':
    case 'preferences':
      return { saw: body.language === undefined ? [] : [writerOf(body.language, session)] };
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
