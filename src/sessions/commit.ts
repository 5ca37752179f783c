import type { Request, RequestHandler, Response } from 'express';
import { clearCookie } from './cookie.ts';
import { SessionError } from './errors.ts';
import { hasUpdated, type KeptAnswer, type Repeatable, readIdempotency, readKeptAnswer } from './idempotency.ts';
import { cookieMark } from './record.ts';
import type { DurableStore } from './store.ts';
import { forgetSession } from './update.ts';

/**
 * Saves a changed session before its answer leaves; goes right after express-session.
 *
 * express-session sends the headers and all but the last byte of the body, saves, and sends the last byte whether the
 * save worked or not (its index.js, `res.end`): the client takes a lost change for a success. Here the answer is held
 * until the change is in the store. Where it cannot be saved, the error goes to Express's error handlers and the answer
 * is theirs. A streamed answer is held at its first byte; what it changes later is saved at its end, and if that fails
 * its connection is broken, so that nobody takes it for whole.
 */
export function createCommit(store: DurableStore): RequestHandler {
  return function commitBeforeRespond(req, res, next) {
    const { end, write, writeHead, flushHeaders } = res;
    const release = () => Object.assign(res, { end, write, writeHead, flushHeaders });
    const fail = (err: unknown) => {
      release();
      if (err instanceof SessionError && err.code === 'session-ended' && !res.headersSent) clearCookie(req, res);
      forgetSession(req);
      if (!res.headersSent) forgetAnswer(res);
      next(err);
    };
    let held: (() => void)[] | undefined;

    res.writeHead = function holdHead(status: number, ...rest: unknown[]): Response {
      res.statusCode = status;
      if (typeof rest[0] === 'string') res.statusMessage = rest[0];
      const headers = rest.at(-1);
      if (typeof headers === 'object' && headers !== null) setHeaders(res, headers);
      return res;
    } as Response['writeHead'];
    res.flushHeaders = function flushAfterCommit() {
      hold(() => res.flushHeaders());
    };
    res.write = function writeAfterCommit(...args: unknown[]): boolean {
      hold(() => Reflect.apply(res.write, res, args));
      return true;
    } as Response['write'];
    res.end = function endAfterCommit(...args: unknown[]): Response {
      if (held) {
        held.push(() => res.end(...(args as [])));
        return res;
      }
      const chunk = typeof args[0] === 'string' || Buffer.isBuffer(args[0]) ? args[0] : '';
      commit(req, res, store, chunk).then((first) => {
        release();
        if (first) sendKept(res, first);
        else Reflect.apply(end, res, args);
      }, fail);
      return res;
    } as Response['end'];

    /** Saves before the first byte; what comes meanwhile waits in order. */
    function hold(send: () => void): void {
      if (held) return void held.push(send);
      held = [send];
      commit(req, res, store, undefined).then(() => {
        Object.assign(res, { write, writeHead, flushHeaders, end: endOfStream });
        for (const sendHeld of held?.splice(0) ?? []) sendHeld();
        res.emit('drain');
      }, fail);
    }

    const endOfStream = function endOfStream(...args: unknown[]): Response {
      commit(req, res, store, undefined).then(() => {
        release();
        Reflect.apply(end, res, args);
      }, fail);
      return res;
    } as Response['end'];
    next();
  };
}

/**
 * Saves what the request has changed. With `body` the answer is whole, and is kept for repeats of the request.
 * @returns the first answer, where this request is a repeat
 */
async function commit(req: Request, res: Response, store: DurableStore, body: string | Buffer | undefined) {
  const { session } = req;
  if (!session) return undefined;
  const stored = store.storedOf(session);
  const repeatable = body === undefined ? undefined : readIdempotency(req, 'answer');
  if (repeatable && stored && res.statusCode >= 400) {
    // The first time it went well: this time it may find that it is done already.
    const first = await findKept(req, store, repeatable);
    if (first) store.adopt(session, stored);
    if (first) return first;
  }
  const isKept = repeatable && res.statusCode < 400;
  // What changes nothing is kept too, or a repeat would be answered anew; the result of an update is kept already.
  if (!store.isChanged(session) && !(isKept && stored && !hasUpdated(req))) return renewCookie(req, store);
  const text = () => JSON.stringify(toKept(res, repeatable?.print ?? '', body ?? ''));
  const changed = await store.save(req.sessionID, session, isKept ? { field: repeatable.field, text } : undefined);
  if (changed.outcome !== 'replayed' || !repeatable) return undefined;
  return readKeptAnswer(changed.answer, repeatable).sent;
}

async function findKept(req: Request, store: DurableStore, repeatable: Repeatable) {
  const text = await store.calls.read((redis) => redis.hGet(`${store.keyOf(req.sessionID)}:answers`, repeatable.field));
  return text === null ? undefined : readKeptAnswer(text, repeatable).sent;
}

/** An active visitor gets the cookie again at half its life. Where that cannot be noted, a later request tries again. */
async function renewCookie(req: Request, store: DurableStore): Promise<undefined> {
  const stored = store.storedOf(req.session);
  if (!stored || (await store.clock.now()) - stored.cookieAt < (store.idleSeconds * 1000) / 2) return;
  try {
    await store.save(req.sessionID, req.session);
    Object.assign(req.session, { [cookieMark]: true });
  } catch (err) {
    if (err instanceof SessionError && err.code === 'session-ended') throw err;
  }
}

function toKept(res: Response, print: string, body: string | Buffer): KeptAnswer {
  const [type, location] = [res.get('Content-Type'), res.get('Location')];
  return { print, sent: { status: res.statusCode, type, location, body: body.toString() } };
}

function sendKept(res: Response, { status, type, location, body }: NonNullable<KeptAnswer['sent']>): void {
  forgetAnswer(res);
  res.status(status);
  if (type) res.set('Content-Type', type);
  if (location) res.set('Location', location);
  res.end(body);
}

/** Takes back the headers that describe an answer that will not be sent. */
function forgetAnswer(res: Response): void {
  for (const name of ['Content-Length', 'Content-Type', 'ETag', 'Location', 'Last-Modified']) res.removeHeader(name);
}

function setHeaders(res: Response, headers: object): void {
  const pairs = Array.isArray(headers) ? pairUp(headers.flat()) : Object.entries(headers);
  for (const [name, value] of pairs) if (value !== undefined) res.setHeader(name, value);
}

function pairUp(list: string[]): [string, string][] {
  return list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1] ?? ''] as [string, string]] : []));
}
