import type { Request } from 'express';
import { SessionError } from './errors.ts';
import type { Attributes } from './options.ts';
import { readAttributes } from './record.ts';
import { DeadlineError, within } from './redis/deadline.ts';
import { withFailureReported } from './report.ts';
import type { SessionRepository } from './repository.ts';
import { forgetSession, storedFor } from './request/attach.ts';
import { requireState } from './request/state.ts';
import { storeOf } from './store.ts';
import { endAll, handlesOf, readSessions, requireErased } from './user-index.ts';

/** One of a user's sessions. */
export interface SessionEntry {
  /** Its name for its user: never its id, which is what opens it. */
  handle: string;
  attributes: Attributes;
  createdAt: Date;
  lastSeenAt: Date;
}

/** A user as `userOf` names it: a string, a number, or an object with a `toString` of its own, such as an ObjectId. */
export type User = string | number | bigint | { toString(): string };

/**
 * Lists a user's sessions, the last used first.
 * @throws {SessionError}
 * @throws {TypeError} if `user` is none
 */
export async function listSessions(req: Request, user: User): Promise<SessionEntry[]> {
  const { repository } = storeOf(requireState(req));
  const name = nameOf(user);
  const entries = (await readSessions(repository, await handlesOf(repository, name))).flatMap(
    ({ handle, stored, lastSeenMs }): SessionEntry[] => {
      const attributes = readAttributes(stored);
      if (repository.userOf(attributes) !== name) return [];
      return [{ handle, attributes, createdAt: new Date(stored.createdAt), lastSeenAt: new Date(lastSeenMs) }];
    },
  );
  return entries.sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
}

/**
 * Ends a user's sessions, for good: the one with this handle, or all. Requests under way in them that change something get
 * 401. If the request's own session is among them, it has none from then on; `destroySession` then only clears the cookie.
 * @returns how many were ended; 0 if the user has none with that handle
 * @throws {SessionError} session-ended, with nothing ended, if all are to end and the request's own session has ended
 * meanwhile: a repeat of the request may have ended them all; outcome-unknown after one and a half times `deadlineMs`: it may continue
 * @throws {TypeError} if `user` is none
 */
export async function revokeSessions(req: Request, user: User, handle?: string): Promise<number> {
  const { repository } = storeOf(requireState(req));
  const name = nameOf(user);
  const ended = await withFailureReported(repository, req, () =>
    withinTime(repository, revoke(req, repository, name, handle)),
  );
  for (let number = 0; number < ended; number++) repository.tell({ type: 'revoked' });
  return ended;
}

/** A revocation takes several calls, one after the other: its response does not wait for the deadline of each. */
const maxDeadlines = 1.5;

/** As `work`, which continues by itself if that takes longer. @throws {SessionError} outcome-unknown then */
async function withinTime<T>({ deadlineMs, patienceMs }: SessionRepository, work: Promise<T>): Promise<T> {
  return within(maxDeadlines * deadlineMs + patienceMs, work).catch((cause) => {
    throw cause instanceof DeadlineError ? new SessionError('outcome-unknown', { cause }) : cause;
  });
}

async function revoke(req: Request, repository: SessionRepository, user: string, handle: string | undefined) {
  if (handle !== undefined && !(await listSessions(req, user)).some((entry) => entry.handle === handle)) return 0;
  // Named, not "all that there are": a call that is given up may still be executed, when others have logged in.
  const handles = handle === undefined ? await handlesOf(repository, user) : [handle];
  const own = repository.handleOf(req.sessionID);
  // If its own is gone, a repeat of this request was faster, as where this replica was paused: listed are later logins.
  if (handle === undefined && storedFor(req) && !(await repository.read(req.sessionID)))
    throw new SessionError('session-ended');
  // Its own last: if another one cannot be ended, the request can be repeated.
  const ended = await endAll(
    repository,
    user,
    handles.filter((one) => one !== own),
  );
  if (!handles.includes(own)) return ended;
  const endedOwn = await endAll(repository, user, [own]).catch((cause) => {
    throw ended > 0 ? new SessionError('outcome-unknown', { cause }) : cause;
  });
  forgetSession(req);
  return ended + endedOwn;
}

/** What was erased, as proof for a user who asked for it. */
export interface Receipt {
  /** Handles of the sessions that were in the user's list, also of those that had ended before. */
  handles: string[];
  /** How many of them had to be ended. */
  ended: number;
  /** When it was known that nothing of them is left, by Redis's clock. */
  at: Date;
}

/**
 * Erases what is stored of a user: ends all sessions as `revokeSessions` does, with their kept responses and their list, and
 * then looks whether anything is left. The response that is kept for a repeat of a login ends by itself within a minute. Sessions
 * of later logins are not part of it.
 * @throws {SessionError} outcome-unknown or store-unavailable if that is not certain: then call it again
 * @throws {TypeError} if `user` is none
 */
export async function eraseSessions(req: Request, user: User): Promise<Receipt> {
  const { repository } = storeOf(requireState(req));
  const handles = await handlesOf(repository, nameOf(user));
  const ended = await revokeSessions(req, user);
  await withFailureReported(repository, req, () => requireErased(repository, nameOf(user), handles));
  return { handles, ended, at: new Date(await repository.clock.now()) };
}

/** The handle of the request's session, and when it began; null if nothing is stored. */
export function describeSession(req: Request): { handle: string; createdAt: Date } | null {
  const { repository } = storeOf(requireState(req));
  const stored = storedFor(req);
  return stored ? { handle: repository.handleOf(req.sessionID), createdAt: new Date(stored.createdAt) } : null;
}

/**
 * Before what needs more than a session that is open somewhere: a new password, an erasure, a payment. A session is fresh for
 * so many seconds after it got its id, which is at its beginning and at each `renewSession`.
 * @throws {SessionError} login-too-old, also without a session
 * @throws {TypeError} if `seconds` is no positive number
 */
export function requireFresh(req: Request, seconds: number): void {
  if (!(seconds > 0)) throw new TypeError('seconds must be a positive number');
  const { startedAt } = requireState(req);
  const stored = storedFor(req);
  // Of plain connect-redis it is not known.
  if (!stored?.createdAt || startedAt - stored.createdAt > seconds * 1000) throw new SessionError('login-too-old');
}

function nameOf(user: unknown): string {
  if (typeof user === 'string' || typeof user === 'number' || typeof user === 'bigint') return String(user);
  const isNamed = typeof user === 'object' && user !== null && user.toString !== Object.prototype.toString;
  if (isNamed && !Array.isArray(user)) return String(user);
  throw new TypeError('user must be the id of a user: a string, a number, or an object with a toString of its own');
}
