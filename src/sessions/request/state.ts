import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CookieOptions } from 'express';
import type { Stored } from '../record.ts';

/** A request or response of any framework; what Express adds may be absent. */
export type AnyRequest = IncomingMessage & {
  session?: object;
  sessionID?: string;
  sessionStore?: unknown;
  body?: unknown;
  originalUrl?: string;
  secure?: boolean;
  protocol?: string;
};
export type AnyResponse = ServerResponse;

/** What a signed cookie says. */
export interface SignedId {
  id: string;
  /** When it was given out, in milliseconds since 1970; undefined for a cookie of express-session, which does not say. */
  at: number | undefined;
  /** How long its session lives without use, in milliseconds, if that is the session's own choice. */
  lifeMs: number | undefined;
  /** It was not signed by the first secret: time for a new cookie. */
  isOutdated?: boolean;
}

/** What a session object needs of the layer that has made it; store.ts has the rest. */
export interface SessionOwner {
  /** The settings of a request's cookie, unless its session has its own. */
  cookieFor(req: AnyRequest): CookieOptions;
  /** @param home that of the session, if it moves to a new id */
  newId(req: AnyRequest, home?: string): string;
  /** Ends a session that cannot be read, in the background. */
  discard(id: string): void;
}

/** All that this layer notes of one request. */
export class RequestState {
  readonly store: SessionOwner;
  /** What a valid cookie of the request says; undefined without one. */
  readonly cookie: SignedId | undefined;
  /** By Redis's clock, when the request arrived; milliseconds since 1970. */
  readonly startedAt: number;
  /** Undefined where there is none yet: at a WebSocket's upgrade. */
  response: AnyResponse | undefined = undefined;
  /** What is stored, until the session object is made: from then on the object knows. */
  stored: Stored | undefined;
  /** Its object (session.ts), once the application has looked at it; null if the application has removed it. */
  session: object | null | undefined = undefined;
  /** The id of a valid cookie under which nothing is stored. */
  presentedId: string | undefined = undefined;
  /** Writes of one request follow one another: each begins once this has settled. */
  writes: Promise<unknown> = settled;
  /** How many of them are under way or waiting. */
  pendingWrites = 0;
  /** How many updates the request has made: a repeat makes them in the same order. */
  updates = 0;
  /** A change failed, and the response says so: nothing more is saved for this request. */
  hasFailed = false;
  /** A change failed because Redis did not answer. */
  lacksStore = false;
  /** The response is to clear the visitor's cookie. */
  clearsCookie = false;
  /** Events that are reported once per request. */
  readonly reported: Set<'replayed' | 'commit_failed'> = new Set();

  constructor(store: SessionOwner, cookie: SignedId | undefined, startedAt: number) {
    this.store = store;
    this.cookie = cookie;
    this.startedAt = startedAt;
  }
}

const settled = Promise.resolve();

// Found by both copies if one process loads the package as an ES module and as CommonJS.
const key = Symbol.for('unsticky.request');
type WithState = { [key]?: RequestState };

export function stateOf(req: object | undefined): RequestState | undefined {
  return (req as WithState | undefined)?.[key];
}

export function setState(req: object, state: RequestState): void {
  (req as WithState)[key] = state;
}

/** @throws {TypeError} if this layer has not handled the request */
export function requireState(req: object): RequestState {
  const state = stateOf(req);
  if (state) return state;
  throw new TypeError('This request has no session of this layer: app.use(createSessions({ client, secrets })) first');
}

/** Does a write of a request after those before it, whether they succeeded or not. */
export function inTurn<T>(state: RequestState | undefined, work: () => Promise<T>): Promise<T> {
  if (!state) return work();
  state.pendingWrites += 1;
  const mine = state.writes.then(work).finally(() => {
    state.pendingWrites -= 1;
  });
  state.writes = mine.catch(() => {}); // its caller gets the error
  return mine;
}
