import { SessionError, type SessionErrorCode } from './errors.ts';
import { stateOf } from './request/state.ts';

/**
 * What the option `observe` is called with, at the moment when it is known, and each thing once. Nothing in it names a
 * session or a visitor, and every value is one of a few, so each can be a label of a metric.
 *
 * Not reported: that Redis ends a session which is not used. A write whose outcome is unknown is a failed commit, even if
 * Redis has executed it.
 */
export type SessionEvent =
  /** One call to Redis has ended, or was not made because there is no connection. A list of sessions takes three. */
  | { type: 'operation'; command: StoreCommand; outcome: StoreOutcome; ms: number }
  /** A session was stored for a visitor who had none. */
  | { type: 'created' }
  /** A session moved to a new id: a login (renewSession). */
  | { type: 'renewed' }
  /** A session was ended by a request of its own: destroySession, req.session.destroy() or regenerate(). */
  | { type: 'logged_out' }
  /** A session was ended by revokeSessions, or because its user had more than maxPerUser. */
  | { type: 'revoked' }
  /** A session was found to have reached its absolute end. */
  | { type: 'expired' }
  /** What is stored under a session's key cannot be read: it counts as no session, and was deleted. */
  | { type: 'unreadable' }
  /**
   * A change found that another request had been faster. `merged`: both are saved, attribute by attribute; `retried`: the
   * function given to updateSession or renewSession was called again on what is stored; `refused`: it was not saved (409).
   */
  | { type: 'conflict'; outcome: 'merged' | 'retried' | 'refused' }
  /** A write was refused because its session had ended, or moved to another id: it would have recreated it. */
  | { type: 'resurrection_prevented' }
  /** A request was a repeat, and got the first one's response. Once per request. */
  | { type: 'replayed' }
  /**
   * A session was to be changed, ended or revoked, and was not, or it is not known whether it was: the response is an error.
   * Once per request, whatever the reason: refused conflicts and prevented resurrections are among them. `code` is that of
   * the SessionError, and undefined if another error was the reason.
   */
  | { type: 'commit_failed'; code: SessionErrorCode | undefined };

/**
 * `get`, `set` and `destroy` as in express-session; `renew` moves a session to a new id; `list` reads a user's sessions;
 * `touch` corrects how long a session lives; `find` looks for the response to a repeat; `migrate` takes over a session of
 * plain connect-redis; `time` reads the clock.
 */
export type StoreCommand = 'get' | 'set' | 'touch' | 'renew' | 'destroy' | 'list' | 'find' | 'migrate' | 'time';

/** `refused`: it was not sent, for want of a connection; `timeout`: no answer within deadlineMs; `error`: Redis's, or the connection's. */
export type StoreOutcome = 'ok' | 'error' | 'timeout' | 'refused';

export type Tell = (event: SessionEvent) => void;

/** An observer is not part of a request: an error in it is reported once, as a warning of the process. */
export function createTell(observe: ((event: SessionEvent) => unknown) | undefined): Tell {
  if (!observe) return () => {};
  let isWarned = false;
  const warn = (err: unknown) => {
    if (!isWarned) process.emitWarning(`The observer of sessions has thrown: ${(err as Error)?.stack ?? err}`);
    isWarned = true;
  };
  return function tell(event) {
    try {
      const result = observe(event);
      if (result instanceof Promise) result.catch(warn);
    } catch (err) {
      warn(err);
    }
  };
}

/** Once a request: it may make several changes, each of which may have been made before. */
export function reportReplayed({ tell }: { tell: Tell }, req: object | undefined): void {
  if (isFirst(req, 'replayed')) tell({ type: 'replayed' });
}

/** Does what is to change a session, and reports it if that fails. */
export async function withFailureReported<T>(
  repository: { tell: Tell },
  req: object | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (err) {
    reportFailed(repository, req, err);
    throw err;
  }
}

/** Once a request: code that catches an error may try again, and fail again. */
export function reportFailed({ tell }: { tell: Tell }, req: object | undefined, err: unknown): void {
  const code = err instanceof SessionError ? err.code : undefined;
  const state = stateOf(req);
  if (state && (code === 'store-unavailable' || code === 'outcome-unknown')) state.lacksStore = true;
  if (isFirst(req, 'commit_failed')) tell({ type: 'commit_failed', code });
}

function isFirst(req: object | undefined, event: 'replayed' | 'commit_failed'): boolean {
  const reported = stateOf(req)?.reported;
  const isNew = !reported?.has(event);
  reported?.add(event);
  return isNew;
}
