import { setTimeout as pause } from 'node:timers/promises';
import type { CookieOptions } from 'express';
import type { SessionData } from 'express-session';
import { clearCookieLine, isSecure, setCookieLine, signId } from './cookie.ts';
import { SessionError } from './errors.ts';
import { lacksStore, tellFailed, tellReplayed } from './events.ts';
import {
  hasKey,
  type KeptAnswer,
  nextUpdate,
  type Repeatable,
  readIdempotency,
  readKeptAnswer,
} from './idempotency.ts';
import { type Held, hold } from './respond.ts';
import type { AnyRequest, AnyResponse, RequestState } from './state.ts';
import type { DurableStore } from './store.ts';
import { takeCookie } from './update.ts';

export interface CookieSettings {
  name: string;
  secret: string;
  cookieFor(req: AnyRequest): CookieOptions;
  idleSeconds: number;
}

type Session = SessionData & { cookie: SessionData['cookie'] };

/** A larger response is not kept: its request takes effect once all the same, and a repeat is answered anew. */
const mostKeptBytes = 16_384;
/** How long the end of a response that must be taken back is waited for: until then its parts may still be written. */
const endMs = 300;

/**
 * Saves a changed session before its response leaves.
 *
 * When the head of a response is written, it is known whether there is something to save. If not, the response goes its
 * way. Else it is held (respond.ts) until the change is in the store. Where it cannot be saved, the response is taken back,
 * and the error goes to the error handlers of the application; a response that is an error already leaves as it is. A
 * stream is held at its head; what it changes later is saved at its end, and if that fails its connection is broken, so
 * that nobody takes it for complete.
 */
export function commitBeforeResponse(
  store: DurableStore,
  req: AnyRequest,
  res: AnyResponse,
  state: RequestState,
  settings: CookieSettings,
  next: (err?: unknown) => void,
): void {
  const { writeHead } = res;
  const methods = methodsOf(res);
  const before = res.getHeaderNames();
  let isSettled = false;
  let hasCookie = false;

  function head(this: AnyResponse, ...args: unknown[]): AnyResponse {
    if (res.headersSent) return Reflect.apply(writeHead, res, args);
    const rest = takeHeaders(res, args);
    const isHeld = !isSettled && hasWork(store, req, res, state);
    if (hasCookie) withoutCookie(res, settings.name); // the head before this one could not be written
    setCookie(store, req, res, state, settings, isHeld);
    hasCookie = true;
    Reflect.apply(writeHead, res, rest);
    if (!isSettled && isHeld) saveThenSend(hold(res));
    else if (!isSettled) watchEnd();
    isSettled = true;
    return res;
  }
  res.writeHead = head as AnyResponse['writeHead'];
  res.on('error', ignoreLateEnd);

  function saveThenSend(held: Held): void {
    commit(store, req, res, state, held)
      .then((first) => {
        if (first) return replace(held, () => sendKept(res, first));
        held.release();
        watchEnd();
      })
      .catch(async (err) => {
        const error = await giveUp(store, req, res, err);
        if (!error) return held.release();
        if (!res.writableEnded) await endOf(res);
        replace(held, () => next(error));
      })
      .catch(() => req.socket.destroy());
  }

  /** Another response takes the place of one of which nothing was sent, as if this layer had been reached just now. */
  function replace(held: Held, respond: () => void): void {
    held.drop();
    restoreMethods(res, methods);
    for (const name of res.getHeaderNames())
      if (!before.includes(name) && name !== 'set-cookie') res.removeHeader(name);
    withoutCookie(res, settings.name);
    hasCookie = false;
    res.writeHead = head as AnyResponse['writeHead'];
    respond();
  }

  /** What changes while a response is being sent is saved before its end. */
  function watchEnd(): void {
    if (res.writableEnded) return;
    const { end } = res;
    res.end = function endAfterCommit(...args: unknown[]): AnyResponse {
      res.end = end;
      if (!hasChanged(store, req, state)) return Reflect.apply(end, res, args);
      const held = hold(res);
      Reflect.apply(end, res, args);
      commit(store, req, res, state)
        .then(() => held.release())
        .catch(async (err) => {
          await giveUp(store, req, res, err);
          req.socket.destroy(new Error('the session could not be saved', { cause: err }));
        });
      return res;
    } as AnyResponse['end'];
  }
}

/**
 * What is sent after the end is an error of the response in Node, which nobody listens to: the process would end.
 * express-session ignores it, and so does this.
 */
function ignoreLateEnd(this: AnyResponse, err: NodeJS.ErrnoException): void {
  if (err.code !== 'ERR_STREAM_WRITE_AFTER_END' && this.listenerCount('error') === 1) throw err;
}

function hasChanged(store: DurableStore, req: AnyRequest, { pendingWrites, hasFailed }: RequestState): boolean {
  return !hasFailed && store.hasSession(req) && (pendingWrites > 0 || store.isRequestChanged(req));
}

/** Whether there is something to save, or to find: a repeat of a request gets what the first one got. */
function hasWork(store: DurableStore, req: AnyRequest, res: AnyResponse, state: RequestState): boolean {
  if (state.hasFailed || !store.hasSession(req)) return false;
  if (res.statusCode >= 400 && lacksStore(req)) return true;
  const isRepeatable = hasKey(req) && store.storedFor(req) !== undefined;
  return hasChanged(store, req, state) || (isRepeatable && (res.statusCode >= 400 || state.updates === 0));
}

/**
 * Saves what the request has changed. A response that is complete is kept for repeats of the request.
 * @returns the first response, where this request is a repeat
 */
async function commit(
  store: DurableStore,
  req: AnyRequest,
  res: AnyResponse,
  state: RequestState,
  held?: Held,
): Promise<KeptAnswer['sent']> {
  await null; // `end` writes the body after the head, in the same turn
  for (;;) {
    while (state.pendingWrites > 0) await state.writes;
    if (!store.hasSession(req) || state.hasFailed) return undefined;
    const isError = res.statusCode >= 400;
    if (isError && lacksStore(req)) {
      // The response says so: to try again would make it untrue, or late.
      store.reset(req);
      return undefined;
    }
    const body = held?.body();
    const stored = store.storedFor(req);
    const hadUpdates = state.updates > 0;
    const repeatable = readIdempotency(req, body === undefined ? nextUpdate(req) : 'answer');
    if (repeatable && stored && isError) {
      // The first time it went well: this time it may find that it is done already.
      const first = await findKept(store, req, repeatable);
      if (first) {
        store.reset(req);
        tellReplayed(store, req);
        return first;
      }
    }
    const isKept = repeatable && !isError;
    // What changes nothing is kept too, or a repeat would be answered anew; the result of an update is kept already.
    if (!store.isRequestChanged(req) && !(isKept && stored && !hadUpdates)) return undefined;
    const text = () => JSON.stringify(toKept(res, repeatable?.print ?? '', body));
    const changed = await store.save(
      req.sessionID as string,
      req.session as Session,
      isKept ? { field: repeatable.field, text } : undefined,
    );
    if (changed.outcome === 'replayed' && repeatable) {
      const { sent } = readKeptAnswer(changed.answer, repeatable);
      tellReplayed(store, req);
      return sent;
    }
    if (isKept || !hasChanged(store, req, state)) return undefined;
  }
}

/** The change cannot be saved: the session is as it stands. @returns the error, unless the response is one already */
async function giveUp(store: DurableStore, req: AnyRequest, res: AnyResponse, err: unknown): Promise<unknown> {
  const hasEnded = err instanceof SessionError && err.code === 'session-ended';
  // The cookie of an id that was given at this very request still has to reach the visitor.
  if (hasEnded) await takeCookie(req, store);
  else store.reset(req);
  if (res.statusCode >= 400) return undefined;
  tellFailed(store, req, err);
  return err;
}

async function findKept(store: DurableStore, req: AnyRequest, repeatable: Repeatable): Promise<KeptAnswer['sent']> {
  const key = `${store.keyOf(req.sessionID as string)}:answers`;
  const text = await store.calls.read('find', (redis) => redis.hGet(key, repeatable.field));
  return text === null ? undefined : readKeptAnswer(text, repeatable).sent;
}

/** Gives the cookie out where its id is new or its session changes, and at half its life; or clears it. */
function setCookie(
  store: DurableStore,
  req: AnyRequest,
  res: AnyResponse,
  state: RequestState,
  { name, secret, cookieFor, idleSeconds }: CookieSettings,
  isHeld: boolean,
): void {
  const { cookie: presented, startedAt } = state;
  if (state.clearsCookie) return void res.appendHeader('Set-Cookie', clearCookieLine(name, cookieFor(req)));
  const { sessionID: id } = req;
  const isStored =
    store.hasSession(req) && (store.storedFor(req) !== undefined || (isHeld && hasChanged(store, req, state)));
  if (!isStored || id === undefined) return;
  const isNew = id !== presented?.id;
  const isPublic = /\bpublic\b/.test(String(res.getHeader('Cache-Control') ?? ''));
  const isOld = presented?.at === undefined || isDue(startedAt - presented.at, idleSeconds * 1000);
  const isChanged = isHeld && hasChanged(store, req, state);
  if (!isNew && !isChanged && (!isOld || isPublic)) return;
  const { cookie } = req.session as Session;
  if (cookie.secure === true && !isSecure(req)) return;
  res.appendHeader('Set-Cookie', setCookieLine(name, signId(id, startedAt, secret), cookie));
}

/** A cookie from the future was given out by a replica whose clock is wrong, before it knew that of Redis. */
function isDue(ageMs: number, lifeMs: number): boolean {
  return ageMs >= lifeMs / 2 || ageMs < -60_000;
}

function withoutCookie(res: AnyResponse, name: string): void {
  const lines = [res.getHeader('Set-Cookie') ?? []].flat().map(String);
  const others = lines.filter((line) => !line.startsWith(`${name}=`));
  if (others.length > 0) res.setHeader('Set-Cookie', others);
  else res.removeHeader('Set-Cookie');
}

/** Of the headers these belong to the body, or say where it leads. */
const keptHeaders = ['content-type', 'content-encoding', 'location'];

function toKept(res: AnyResponse, print: string, body: Buffer | undefined): KeptAnswer {
  if (body === undefined || body.length > mostKeptBytes) return { print };
  const text = body.toString('utf8');
  const encoding = Buffer.from(text).equals(body) ? 'utf8' : 'base64';
  const headers = Object.fromEntries(
    keptHeaders.flatMap((name) => (res.hasHeader(name) ? [[name, String(res.getHeader(name))]] : [])),
  );
  return { print, sent: { status: res.statusCode, headers, body: body.toString(encoding), encoding } };
}

function sendKept(res: AnyResponse, { status, body, encoding, ...kept }: NonNullable<KeptAnswer['sent']>): void {
  res.statusCode = status;
  // Kept by a replica of an earlier version, it has these two alone.
  const headers = kept.headers ?? { 'content-type': kept.type, location: kept.location };
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(name, value);
  res.end(Buffer.from(body, encoding));
}

/** Resolves once a response has ended, or after a while. */
async function endOf(res: AnyResponse): Promise<void> {
  const start = performance.now();
  while (!res.writableEnded && performance.now() - start < endMs) await pause(10);
}

/** Sets the headers that were given to writeHead, an object or a list of names and values. @returns the other arguments */
function takeHeaders(res: AnyResponse, [status, ...rest]: unknown[]): unknown[] {
  res.statusCode = status as number;
  const reason = typeof rest[0] === 'string' ? [rest[0]] : [];
  const headers = rest[reason.length];
  if (Array.isArray(headers)) {
    const pairs = headers.every(Array.isArray)
      ? (headers as [string, string][])
      : headers.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, headers[at + 1]]] : []));
    for (const [name] of pairs) res.removeHeader(name);
    for (const [name, value] of pairs) res.appendHeader(name, value);
  } else if (typeof headers === 'object' && headers !== null) {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(name, value);
  }
  return [status, ...reason];
}

/** The methods of a response that middleware wraps. */
const wrapped = ['end', 'flushHeaders', 'on', 'write', 'writeHead'] as const;
type Methods = Pick<AnyResponse, (typeof wrapped)[number]>;

/** As they are now: what earlier middleware has made of them. */
function methodsOf({ end, flushHeaders, on, write, writeHead }: AnyResponse): Methods {
  return { end, flushHeaders, on, write, writeHead };
}

/** Takes away what later middleware has made of them: it believes that the response has ended. */
function restoreMethods(res: AnyResponse, methods: Methods): void {
  for (const name of wrapped) {
    Reflect.deleteProperty(res, name);
    if (res[name] !== methods[name]) Object.assign(res, { [name]: methods[name] });
  }
}
