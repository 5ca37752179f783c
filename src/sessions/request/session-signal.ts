import type { IncomingMessage } from 'node:http';
import { SessionError } from '../errors.ts';
import { storedFor } from './attach.ts';
import { type AnyRequest, requireState } from './state.ts';
import { storeOf } from '../store.ts';

/** Says when what is open in a session is closed: a response, a WebSocket, a socket of Socket.IO. */
export interface Closing {
  /** A response that is closed already says nothing any more. */
  closed?: boolean;
  once(event: 'close' | 'disconnect', listener: () => void): unknown;
}

/**
 * A signal for what stays open in a request's session, such as a stream of events or a WebSocket. It aborts within about a
 * second when the session ends on any replica: by a logout, a revocation, a move to a new id (a login), or because its time is
 * over. It also aborts if Redis has not been reached for 5 s, because then the end of the session would not be known. Its
 * reason is a SessionError: session-ended, or store-unavailable. It is aborted from the start if there is no session, or if
 * what should be open is closed.
 * @param until what is open, if it is not the response to this request; nothing is kept once it is closed
 * @throws {TypeError} if this layer has not handled the request, or its client cannot subscribe
 */
export function sessionSignal(req: IncomingMessage, until?: Closing): AbortSignal {
  const state = requireState(req);
  const { repository } = storeOf(state);
  const stored = storedFor(req);
  if (!stored) return AbortSignal.abort(new SessionError('session-ended'));
  const closing: Closing = until ?? state.response ?? req.socket;
  if (closing.closed) return AbortSignal.abort();
  const controller = new AbortController();
  const handle = repository.handleOf((req as AnyRequest).sessionID as string);
  const forget = repository.openSessions.watch(handle, repository.endOf(stored), controller);
  for (const event of ['close', 'disconnect'] as const) closing.once(event, forget);
  return controller.signal;
}
