import type { Request, Response } from 'express';
import type { SessionData } from 'express-session';
import { type Changed, endedMeanwhile, makeChange } from './change.ts';
import { cookieName, cookieOptions } from './response/cookie.ts';
import { SessionError } from './errors.ts';
import { orTellFailed, tellFailed, tellReplayed } from './events.ts';
import { newNonce, nextId } from './hash.ts';
import { type KeptAnswer, nextUpdate, type Repeatable, readIdempotency, readKeptAnswer } from './idempotency.ts';
import { mergeAttributes } from './merge.ts';
import { type Attributes, attributesOf, copyAttributes, readAttributes, textsOf } from './record.ts';
import { type AnyRequest, forgetSession, inTurn, stateOf } from './state.ts';
import { DurableStore } from './store.ts';

/** What a change may do to a session: read and set its attributes. */
export type Draft = Partial<Omit<SessionData, 'cookie'>>;

/**
 * Changes the session atomically: reads it, applies `change`, and writes it only if nobody else has meanwhile; else
 * applies `change` anew. The write is done when this resolves. Of a request that is repeated with its Idempotency-Key
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
  const store = req.sessionStore as unknown;
  if (!(store instanceof DurableStore)) return change(req.session); // as tutorials do
  const repeatable = readIdempotency(req, nextUpdate(req));
  return failWhole(req, store, async () => {
    const { attempt, before, ...planned } = plan(req, store, change, repeatable);
    // A visitor for whom nothing is stored, and nothing is to be.
    if (!planned.base && Object.keys(planned.apply({})).length === 0) return attempt.result as T;
    const changed = await makeChange(store, { id: req.sessionID, ...planned });
    if (changed.outcome === 'saved') store.keepUp(req.session, changed.stored, before);
    else if (planned.base) store.adopt(req.session, planned.base); // what was done before the call was done before, too
    return resultOf(store, req, changed, attempt, repeatable);
  });
}

/**
 * Like updateSession, and moves the session to a new id in the same step, so that an id which was known before a login
 * opens nothing after it. Where the answer is lost, a repeat with the same Idempotency-Key gets the same new id.
 * @throws {SessionError}
 */
export async function renewSession<T>(req: Request, change: (session: Draft) => T): Promise<T> {
  const store = req.sessionStore as unknown;
  if (!(store instanceof DurableStore)) return renewAsTutorialsDo(req, change);
  const repeatable = readIdempotency(req, nextUpdate(req));
  return failWhole(req, store, async () => {
    const { attempt, before, ...planned } = plan(req, store, change, repeatable);
    const [from, nonce] = [req.sessionID, newNonce()];
    // Without a key nobody may ever make it again, so it does not follow from the old one.
    const id = repeatable ? nextId(from, repeatable.key, nonce) : nextId(newNonce(), '', nonce);
    const mark = () => JSON.stringify({ ...keep(repeatable, attempt), nonce, field: repeatable?.field });
    const presented = planned.base ? undefined : await redeemPresented(req, store, repeatable);
    if (presented) return presented.result as T;
    const changed = await makeChange(store, { id: from, ...planned, renewal: { id, mark } });
    if (changed.outcome === 'saved') store.adoptAs(req, id, changed.stored, before);
    if (changed.outcome !== 'moved') return resultOf(store, req, changed, attempt, repeatable);
    const redeemed = await redeem(req, store, from, changed.mark, repeatable);
    if (!redeemed) throw endedMeanwhile(store);
    return redeemed.result as T;
  });
}

/** Ends the request's session, for good, and clears its cookie. It comes after the writes that are under way. @throws {SessionError} */
export async function destroySession(req: Request, res: Response): Promise<void> {
  const store = req.sessionStore as unknown;
  if (store instanceof DurableStore) {
    await orTellFailed(store, req, () =>
      inTurn(req, async () => {
        const stored = store.storedFor(req); // there is none any more after revokeSessions
        if (stored) await store.end(req.sessionID, readAttributes(stored));
      }),
    );
    forgetSession(req);
    clearCookie(req);
  } else {
    await new Promise<void>((resolve, reject) => req.session.destroy((err) => (err ? reject(err) : resolve())));
    res.clearCookie(cookieName(req), cookieOptions(req, req.secure));
  }
}

/** Makes the response clear the visitor's cookie. */
function clearCookie(req: AnyRequest): void {
  const state = stateOf(req);
  if (state) state.clearsCookie = true;
}

/** The change, upon what the request has already done to its session by plain `session.x = …`, which is merged. */
function plan<T>(req: Request, store: DurableStore, change: (session: Draft) => T, repeatable: Repeatable | undefined) {
  const attempt: { result?: T } = {};
  const base = store.storedFor(req);
  const [began, mine] = [readAttributes(base), copyAttributes(attributesOf(req.session))];
  const before = textsOf(mine);
  const apply = (standing: Attributes) => {
    const draft = copyAttributes(mergeAttributes(began, mine, standing));
    attempt.result = requireNow(change(draft as Draft));
    return draft;
  };
  const answer = repeatable && { field: repeatable.field, text: () => JSON.stringify(keep(repeatable, attempt)) };
  return { attempt, before, base, apply, anew: 'retried' as const, answer };
}

function keep(repeatable: Repeatable | undefined, { result }: { result?: unknown }): KeptAnswer {
  return { print: repeatable?.print ?? '', result };
}

function resultOf<T>(
  store: DurableStore,
  req: Request,
  changed: Changed,
  attempt: { result?: T },
  repeatable: Repeatable | undefined,
): T {
  if (changed.outcome !== 'replayed' || !repeatable) return attempt.result as T;
  const { result } = readKeptAnswer(changed.answer, repeatable);
  tellReplayed(store, req);
  return result as T;
}

/** A change that waits for something would be made upon what stands no more. */
function requireNow<T>(result: T): T {
  if (typeof (result as { then?: unknown } | undefined)?.then !== 'function') return result;
  throw new TypeError('The change given to updateSession or renewSession must not be async: read first, then change');
}

/** Where a change fails, what the request has done to its session before fails with it: an error says that nothing was changed. */
async function failWhole<T>(req: Request, store: DurableStore, work: () => Promise<T>): Promise<T> {
  try {
    return await inTurn(req, work);
  } catch (err) {
    if (!(err instanceof SessionError)) throw err;
    const state = stateOf(req);
    if (state) state.hasFailed = true;
    tellFailed(store, req, err);
    if (err.code === 'session-ended') await takeCookie(req, store);
    else store.reset(req);
    throw err;
  }
}

/** A session that ended under its request takes the cookie along, but for one that moved: the visitor has a new cookie then. */
export async function takeCookie(req: AnyRequest, store: DurableStore): Promise<void> {
  const hasMoved = await store.hasMoved(req.sessionID as string).catch(() => false);
  forgetSession(req);
  if (!hasMoved) clearCookie(req);
}

/** A repeat of a login comes with the cookie of a session that has moved: only its Idempotency-Key finds it again. */
async function redeemPresented(req: Request, store: DurableStore, repeatable: Repeatable | undefined) {
  const id = stateOf(req)?.presentedId;
  if (id === undefined || !repeatable) return undefined;
  const mark = await store.calls.read('find', (redis) => redis.get(`${store.keyOf(id)}:moved`));
  return mark === null ? undefined : redeem(req, store, id, mark, repeatable);
}

/**
 * Gives the request the session that another has moved from this id; undefined where it has no part in that.
 * @throws {SessionError} key-reused where another request had this key, session-ended where the session has ended since
 */
async function redeem(
  req: Request,
  store: DurableStore,
  from: string,
  mark: string,
  repeatable: Repeatable | undefined,
) {
  const { nonce, field, ...kept } = JSON.parse(mark) as KeptAnswer & { nonce: string; field?: string };
  if (!repeatable || field !== repeatable.field) return undefined;
  const first = readKeptAnswer(JSON.stringify(kept), repeatable);
  const id = nextId(from, repeatable.key, nonce);
  const stored = await store.read(id);
  if (!stored) throw new SessionError('session-ended');
  store.adoptAs(req, id, stored);
  tellReplayed(store, req);
  return first;
}

async function renewAsTutorialsDo<T>(req: Request, change: (session: Draft) => T): Promise<T> {
  const data = attributesOf(req.session);
  await new Promise<void>((resolve, reject) => req.session.regenerate((err) => (err ? reject(err) : resolve())));
  Object.assign(req.session, { ...data, ...attributesOf(req.session) });
  return change(req.session);
}
