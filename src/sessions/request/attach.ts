import type { Attributes } from '../options.ts';
import { readAttributes, type Stored } from '../record.ts';
import { adopt, isChanged, keepUp, RequestSession, replaceAttributes } from './session.ts';
import { type AnyRequest, type RequestState, stateOf } from './state.ts';

/** Gives a request its `req.session`. The property's functions are shared, or V8 would treat each request as a new shape. */
export function attach(req: AnyRequest, state: RequestState, id: string, stored: Stored | undefined): void {
  req.sessionID = id;
  state.stored = stored;
  Object.defineProperty(req, 'session', sessionProperty);
}

const sessionProperty: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: AnyRequest) {
    const state = stateOf(this) as RequestState;
    if (state.session === undefined) state.session = createSession(this, state);
    return state.session;
  },
  set(this: AnyRequest, object: object | null | undefined) {
    const state = stateOf(this) as RequestState;
    state.session = object ?? null;
  },
};

function createSession(req: AnyRequest, state: RequestState): RequestSession {
  try {
    return new RequestSession(req, state.stored);
  } catch {
    // What cannot be read is no session.
    state.store.discard(req.sessionID as string);
    state.stored = undefined;
    req.sessionID = state.store.newId(req);
    return new RequestSession(req, undefined);
  }
}

/** Whether the request still has a session; it need not have been looked at. */
export function hasSession(req: AnyRequest): boolean {
  return Object.hasOwn(req, 'session') && stateOf(req)?.session !== null;
}

/** What is stored for a request's session, as far as it knows; undefined for a new one. */
export function storedFor(req: AnyRequest): Stored | undefined {
  const state = stateOf(req);
  if (!state || !hasSession(req)) return undefined;
  return state.session ? RequestSession.storedOf(state.session) : state.stored;
}

export function isRequestChanged(req: AnyRequest): boolean {
  const object = hasSession(req) && stateOf(req)?.session;
  return object ? isChanged(object) : false;
}

/** From here on the request has no session, and nothing is saved for it. */
export function forgetSession(req: AnyRequest): void {
  Reflect.deleteProperty(req, 'session');
}

/** Undoes what a request has done to its session and did not save. */
export function reset(req: AnyRequest): void {
  const [object, stored] = [stateOf(req)?.session, storedFor(req)];
  if (!stored) forgetSession(req);
  else if (object) adopt(object, stored);
}

/**
 * Gives the request this session in place of the one that it has.
 * @param shown what the old object showed when the move began, as JSON; then the objects in it are kept
 */
export function adoptAs(req: AnyRequest, id: string, stored: Stored, shown?: string): void {
  const state = stateOf(req) as RequestState;
  const old = state.session;
  attach(req, state, id, stored);
  const fresh = new RequestSession(req, stored);
  state.session = fresh;
  if (!old || shown === undefined) return;
  const { cookie: _cookie, ...attributes } = old as unknown as Attributes;
  replaceAttributes(fresh, attributes);
  keepUp(fresh, stored, shown, readAttributes(stored));
}
