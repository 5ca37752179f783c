import type { SessionErrorCode } from './errors.ts';

/**
 * What the option `observe` is called with, at the moment when it is known, and each thing once. Nothing in it names a
 * session or a visitor, and every value is one of a few, so each can be a label of a metric.
 *
 * Not reported: that Redis ends a session which is not used. A write whose outcome is unknown is a failed commit, even if
 * Redis has executed it.
 */
export type SessionEvent =
  /** One call to Redis has ended, or was not made because there is no connection. A login takes four. */
  | { type: 'operation'; command: StoreCommand; outcome: StoreOutcome; ms: number }
  /** A session was stored for a visitor who had none. */
  | { type: 'created' }
  /** A session moved to a new id: a login (renewSession). */
  | { type: 'renewed' }
  /** A session was ended by a request of its own: destroySession, req.session.destroy() or regenerate(). */
  | { type: 'logged_out' }
  /** A session was ended by revokeSessions. */
  | { type: 'revoked' }
  /** A session was ended because its user had more than maxPerUser: the one that was unused for longest. */
  | { type: 'evicted' }
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
 * `get`, `set` and `destroy` as in express-session; `renew` moves a session to a new id; `list` reads and updates the list of a
 * user's sessions; `touch` corrects how long a session lives; `find` looks for the response to a repeat; `migrate` takes over a session of
 * plain connect-redis; `time` reads the clock, and how much memory is used.
 */
export type StoreCommand = 'get' | 'set' | 'touch' | 'renew' | 'destroy' | 'list' | 'find' | 'migrate' | 'time';

/**
 * `refused`: it was not sent, for want of a connection; `timeout`: no answer within deadlineMs; `error`: Redis's, or the
 * connection's; `unconfirmed`: Redis has it, and too few of its replicas confirmed that they have it too (waitReplicas).
 */
export type StoreOutcome = 'ok' | 'error' | 'timeout' | 'refused' | 'unconfirmed';
