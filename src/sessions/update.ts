import type { Request } from 'express';
import type { SessionData } from 'express-session';
import { type Change, type Changed, endedMeanwhile, makeChange } from './change.ts';
import { SessionError } from './errors.ts';
import { homeOf, newNonce, seal } from './hash.ts';
import { type KeptAnswer, nextUpdate, type Repeatable, readIdempotency, readKeptAnswer } from './idempotency.ts';
import { mergeAttributes } from './merge.ts';
import type { Attributes } from './options.ts';
import { readAttributes } from './record.ts';
import { reportFailed, reportReplayed, withFailureReported } from './report.ts';
import { adoptAs, forgetSession, reset, storedFor } from './request/attach.ts';
import { adopt, jsonOf, keepUp, RequestSession } from './request/session.ts';
import { inTurn, type RequestState, requireState } from './request/state.ts';
import { storeOf, takeCookie } from './store.ts';
import { isStillIn } from './user-index.ts';

/** What a change may do to a session: read and set its attributes. */
export type Draft = Partial<Omit<SessionData, 'cookie'>>;

/**
 * Changes the session atomically: reads it, applies `change`, and writes it only if no other request has meanwhile; else
 * applies `change` again. The write is done when this resolves. Of a request that is repeated with its Idempotency-Key
 * the change is made once, and every repeat gets the first result; so the result must be JSON.
 *
 * What `change` throws is thrown here, and nothing is written.
 * @throws {SessionError}
 * @example
 * const visits = await updateSession(req, (session) => {
 *   session.visits = (session.visits ?? 0) + 1;
 *   return session.visits;
 * });
 */
export async function updateSession<T>(req: Request, change: (session: Draft) => T): Promise<T> {
  const state = requireState(req);
  const { repository } = storeOf(state);
  const repeatable = readIdempotency(req, nextUpdate(req));
  return allOrNothing(req, state, async () => {
    const { attempt, object, shown, ...planned } = plan(req, state, change, repeatable);
    // A visitor for whom nothing is stored, and nothing is to be.
    if (!planned.base && Object.keys(planned.apply({})).length === 0) return attempt.result as T;
    const changed = await makeChange(repository, { id: req.sessionID, ...planned });
    if (changed.outcome === 'saved') keepUp(object, changed.stored, shown, changed.attributes);
    else if (planned.base) adopt(object, planned.base); // what was done before the call was done before, too
    return resultOf(state, req, changed, attempt, repeatable);
  });
}

/**
 * Like updateSession, and moves the session to a new id in the same step, so that an id which was known before a login
 * opens nothing after it. If the response is lost, a repeat with the same Idempotency-Key gets the same new id.
 * @throws {SessionError}
 */
export async function renewSession<T>(req: Request, change: (session: Draft) => T): Promise<T> {
  const state = requireState(req);
  const { repository, newId } = storeOf(state);
  const repeatable = readIdempotency(req, nextUpdate(req));
  return allOrNothing(req, state, async () => {
    const { attempt, object: _object, shown, ...planned } = plan(req, state, change, repeatable);
    const [from, id, nonce] = [req.sessionID, newId(req, homeOf(req.sessionID)), newNonce()];
    const sealed = repeatable && seal(Buffer.from(id), from, repeatable.key, nonce).toString('base64url');
    const mark = () => JSON.stringify({ ...keep(repeatable, attempt), nonce, sealed, field: repeatable?.field });
    const presented = planned.base ? undefined : await redeemPresented(req, state, repeatable);
    if (presented) return presented.result as T;
    const changed = await makeChange(repository, { id: from, ...planned, renewal: { id, mark } });
    if (changed.outcome === 'saved') adoptAs(req, id, changed.stored, shown);
    if (changed.outcome !== 'moved') return resultOf(state, req, changed, attempt, repeatable);
    const redeemed = await redeem(req, state, from, changed.mark, repeatable);
    if (!redeemed) throw endedMeanwhile(repository);
    return redeemed.result as T;
  });
}

/** Ends the request's session, for good, and clears its cookie. It comes after the writes that are under way. @throws {SessionError} */
export async function destroySession(req: Request): Promise<void> {
  const state = requireState(req);
  const { repository } = storeOf(state);
  await withFailureReported(repository, req, () =>
    inTurn(state, async () => {
      const stored = storedFor(req); // there is none any more after revokeSessions
      if (stored) await repository.end(req.sessionID, readAttributes(stored));
    }),
  );
  forgetSession(req);
  state.clearsCookie = true;
}

/** The change, and what the request has already done to its session by plain `session.x = …`, which is merged. */
function plan<T>(req: Request, state: RequestState, change: (session: Draft) => T, repeatable: Repeatable | undefined) {
  const attempt: { result?: T } = {};
  const object = req.session as unknown as RequestSession;
  const base = RequestSession.storedOf(object);
  const shown = jsonOf(object);
  const isUnchanged = shown === (base?.json ?? '{}');
  const { lastWriteWins } = storeOf(state).repository;
  const merge = (current: Attributes) =>
    mergeAttributes(readAttributes(base), JSON.parse(shown), current, lastWriteWins);
  const apply: Change['apply'] = (current) => {
    // Copies, or a change that fails would have changed the objects of the request.
    const draft = isUnchanged ? current : JSON.parse(JSON.stringify(merge(current)));
    attempt.result = requireNow(change(draft as Draft));
    return draft;
  };
  const answer = repeatable && { field: repeatable.field, text: () => JSON.stringify(keep(repeatable, attempt)) };
  const cookie = RequestSession.ownCookieOf(object);
  return { attempt, object, shown, base, cookie, apply, again: 'retried' as const, answer };
}

/** What stays at the old id for a minute. Without an Idempotency-Key the new id is not in it. */
type Mark = KeptAnswer & { nonce: string; sealed: string; field?: string };

function keep(repeatable: Repeatable | undefined, { result }: { result?: unknown }): KeptAnswer {
  return { print: repeatable?.print ?? '', result };
}

function resultOf<T>(
  state: RequestState,
  req: Request,
  changed: Changed,
  attempt: { result?: T },
  repeatable: Repeatable | undefined,
): T {
  if (changed.outcome !== 'replayed' || !repeatable) return attempt.result as T;
  const { result } = readKeptAnswer(changed.answer, repeatable);
  reportReplayed(storeOf(state).repository, req);
  return result as T;
}

/** A change that waits for something would be made on a session that is no longer the stored one. */
function requireNow<T>(result: T): T {
  if (typeof (result as { then?: unknown } | undefined)?.then !== 'function') return result;
  throw new TypeError('The change given to updateSession or renewSession must not be async: read first, then change');
}

/** If a change fails, what the request has done to its session before fails with it: an error says that nothing was changed. */
async function allOrNothing<T>(req: Request, state: RequestState, work: () => Promise<T>): Promise<T> {
  try {
    return await inTurn(state, work);
  } catch (err) {
    if (!(err instanceof SessionError)) throw err;
    state.hasFailed = true;
    reportFailed(storeOf(state).repository, req, err);
    if (err.code === 'session-ended') await takeCookie(req, state);
    else reset(req);
    throw err;
  }
}

/** A repeat of a login comes with the cookie of a session that has moved: only its Idempotency-Key finds it again. */
async function redeemPresented(req: Request, state: RequestState, repeatable: Repeatable | undefined) {
  const { presentedId: id } = state;
  if (id === undefined || !repeatable) return undefined;
  const mark = await storeOf(state).repository.markOf(id);
  return mark === null ? undefined : redeem(req, state, id, mark, repeatable);
}

/**
 * Gives the request the session that another has moved from this id; undefined if it has no part in that.
 * @throws {SessionError} key-reused if another request had this key, session-ended if the session has ended since
 */
async function redeem(
  req: Request,
  state: RequestState,
  from: string,
  mark: string,
  repeatable: Repeatable | undefined,
) {
  const { repository } = storeOf(state);
  const { nonce, sealed, field, ...kept } = JSON.parse(mark) as Mark;
  if (!repeatable || field !== repeatable.field) return undefined;
  const first = readKeptAnswer(JSON.stringify(kept), repeatable);
  const id = seal(Buffer.from(sealed, 'base64url'), from, repeatable.key, nonce).toString();
  const stored = await repository.read(id);
  if (!stored) throw new SessionError('session-ended');
  const user = repository.userOf(readAttributes(stored));
  const handle = repository.handleOf(id);
  // "Log out everywhere" may have met it before the first request could look.
  if (user !== undefined && !(await isStillIn(repository, user, handle))) {
    await repository.endByHandle(handle);
    throw new SessionError('session-ended');
  }
  adoptAs(req, id, stored);
  reportReplayed(repository, req);
  return first;
}
