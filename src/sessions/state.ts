import type { IncomingMessage, ServerResponse } from 'node:http';

/** What one request has to do with its session; everything that this layer notes of a request is here. */
export interface RequestState {
  /** The id that a valid cookie named, and when that cookie was given out; undefined without one. */
  readonly cookie: { id: string; at: number | undefined } | undefined;
  /** The id of a valid cookie under which nothing is stored. */
  presentedId: string | undefined;
  /** By Redis's clock, when the request came; milliseconds since 1970. */
  readonly startedAt: number;
  /** Writes of one request follow one another: each begins once this has settled. */
  writes: Promise<unknown>;
  /** How many of them are under way or waiting. */
  pendingWrites: number;
  /** How many updates the request has made: a repeat makes them in the same order. */
  updates: number;
  /** A change failed, and the request is answered so: nothing more is saved for it. */
  hasFailed: boolean;
  /** The visitor's cookie is to be cleared by the response. */
  clearsCookie: boolean;
}

const states = new WeakMap<IncomingMessage, RequestState>();

export function stateOf(req: IncomingMessage | undefined): RequestState | undefined {
  return req && states.get(req);
}

export function setState(req: IncomingMessage, state: RequestState): void {
  states.set(req, state);
}

/** Does a write of a request after those before it, whether they went well or not. */
export function inTurn<T>(req: IncomingMessage | undefined, work: () => Promise<T>): Promise<T> {
  const state = stateOf(req);
  if (!state) return work();
  state.pendingWrites += 1;
  const mine = state.writes.then(work).finally(() => {
    state.pendingWrites -= 1;
  });
  state.writes = mine.catch(() => {}); // its caller gets the error
  return mine;
}

/** From here on the request has no session, and nothing is saved for it. */
export function forgetSession(req: IncomingMessage): void {
  Reflect.deleteProperty(req, 'session');
}

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
