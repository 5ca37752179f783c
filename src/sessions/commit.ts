import type { Request, RequestHandler, Response } from 'express';
import { SessionError } from './errors.ts';
import { lacksStore, tellFailed, tellReplayed } from './events.ts';
import {
  hasFailed,
  hasUpdated,
  type KeptAnswer,
  nextUpdate,
  type Repeatable,
  readIdempotency,
  readKeptAnswer,
} from './idempotency.ts';
import { cookieMark } from './record.ts';
import type { DurableStore } from './store.ts';
import { forgetSession, takeCookie } from './update.ts';

/** A larger answer is not kept: its request takes effect once all the same, and a repeat is answered anew. */
const mostKeptBytes = 16_384;

/**
 * Saves a changed session before its answer leaves; goes right after express-session.
 *
 * express-session sends the headers and all but the last byte of the body, saves, and sends the last byte whether the
 * save worked or not (its index.js, `res.end`): the client takes a lost change for a success. Here the answer is held
 * until the change is in the store. Where it cannot be saved, the error goes to Express's error handlers and the answer
 * is theirs; an answer that is an error already leaves as it is. A streamed answer is held at its first byte; what it
 * changes later is saved at its end, and if that fails its connection is broken, so that nobody takes it for whole.
 */
export function createCommit(store: DurableStore): RequestHandler {
  return function commitBeforeRespond(req, res, next) {
    const { end, write, writeHead, flushHeaders } = res;
    const before = res.getHeaders();
    /** What is to be done with the answer once it may leave; undefined as long as nothing is held. */
    let held: (() => void)[] | undefined;
    let isStream = false;

    /** Saves, then sends. Whatever goes wrong ends at Express's error handlers, or breaks the connection. */
    function saveThen(body: Body | undefined, send: (first: KeptAnswer['sent']) => void): void {
      commit(req, res, store, body)
        .catch((err) => giveUp(req, res, store, err))
        .then(send)
        .catch((err) => {
          Object.assign(res, { end, write, writeHead, flushHeaders });
          if (!res.headersSent) return forgetAnswer(res, before, () => next(err));
          req.socket.destroy();
        });
    }

    function hold(act: () => void): void {
      if (held) return void held.push(act);
      held = [act];
      isStream = true;
      saveThen(undefined, () => {
        Object.assign(res, { write, writeHead, flushHeaders });
        const waiting = held ?? [];
        held = undefined;
        for (const action of waiting) action();
        res.emit('drain');
      });
    }

    res.writeHead = function holdHead(status: number, ...rest: unknown[]): Response {
      res.statusCode = status;
      if (typeof rest[0] === 'string') res.statusMessage = rest[0];
      setHeaders(res, rest.at(-1));
      return res;
    } as Response['writeHead'];
    res.flushHeaders = function flushAfterCommit() {
      hold(() => res.flushHeaders());
    };
    res.write = function writeAfterCommit(...args: unknown[]): boolean {
      hold(() => Reflect.apply(res.write, res, args));
      return false; // until 'drain'
    } as Response['write'];
    res.end = function endAfterCommit(...args: unknown[]): Response {
      if (held) {
        held.push(() => res.end(...(args as [])));
        return res;
      }
      res.end = ignoreSecondEnd;
      const [chunk] = args;
      const body = typeof chunk === 'string' || Buffer.isBuffer(chunk) ? chunk : '';
      saveThen(isStream ? undefined : body, (first) => {
        Object.assign(res, { end, write, writeHead, flushHeaders });
        if (first) sendKept(res, before, first);
        else Reflect.apply(end, res, args);
      });
      return res;
    } as Response['end'];
    const ignoreSecondEnd = (() => res) as Response['end'];
    next();
  };
}

type Body = string | Buffer;

/**
 * Saves what the request has changed. With `body` the answer is whole, and is kept for repeats of the request.
 * @returns the first answer, where this request is a repeat
 */
async function commit(
  req: Request,
  res: Response,
  store: DurableStore,
  body: Body | undefined,
): Promise<KeptAnswer['sent']> {
  const { session } = req;
  if (!session || hasFailed(req)) return undefined;
  const stored = store.storedOf(session);
  const repeatable = readIdempotency(req, body === undefined ? nextUpdate(req) : 'answer');
  const isError = res.statusCode >= 400;
  if (isError && lacksStore(req)) {
    // The answer says so: to try again would make it untrue, or late.
    if (stored) store.adopt(session, stored);
    else forgetSession(req);
    return undefined;
  }
  if (repeatable && stored && isError) {
    // The first time it went well: this time it may find that it is done already.
    const first = await findKept(req, store, repeatable);
    if (first) {
      store.adopt(session, stored);
      tellReplayed(store, req);
      return first;
    }
  }
  const isKept = repeatable && !isError;
  // What changes nothing is kept too, or a repeat would be answered anew; the result of an update is kept already.
  if (!store.isChanged(session) && !(isKept && stored && !hasUpdated(req))) return renewCookie(req, store);
  const text = () => JSON.stringify(toKept(res, repeatable?.print ?? '', body));
  const changed = await store.save(req.sessionID, session, isKept ? { field: repeatable.field, text } : undefined);
  if (changed.outcome !== 'replayed' || !repeatable) return undefined;
  const { sent } = readKeptAnswer(changed.answer, repeatable);
  tellReplayed(store, req);
  return sent;
}

/** The change cannot be saved: the session is as it stands, and the answer an error. */
async function giveUp(req: Request, res: Response, store: DurableStore, err: unknown): Promise<undefined> {
  const stored = req.session && store.storedOf(req.session);
  const hasEnded = err instanceof SessionError && err.code === 'session-ended';
  // The cookie of an id that was given at this very request still has to reach the visitor.
  if (hasEnded) await takeCookie(req, store);
  else if (stored) store.adopt(req.session, stored);
  else forgetSession(req);
  if (res.statusCode >= 400 && !res.headersSent) return;
  tellFailed(store, req, err);
  throw err;
}

async function findKept(req: Request, store: DurableStore, repeatable: Repeatable): Promise<KeptAnswer['sent']> {
  const key = `${store.keyOf(req.sessionID)}:answers`;
  const text = await store.calls.read('find', (redis) => redis.hGet(key, repeatable.field));
  return text === null ? undefined : readKeptAnswer(text, repeatable).sent;
}

/** An active visitor gets the cookie again at half its life. Where that cannot be noted, a later request tries again. */
async function renewCookie(req: Request, store: DurableStore): Promise<undefined> {
  const stored = store.storedOf(req.session);
  if (!stored || (await store.clock.now()) - stored.cookieAt < (store.idleSeconds * 1000) / 2) return;
  try {
    await store.save(req.sessionID, req.session, undefined, true);
    Object.assign(req.session, { [cookieMark]: true });
  } catch (err) {
    const hasEnded = err instanceof SessionError && err.code === 'session-ended';
    // A login that was faster has given the visitor another cookie already.
    if (hasEnded && !(await store.hasMoved(req.sessionID).catch(() => true))) throw err;
  }
}

function toKept(res: Response, print: string, body: Body | undefined): KeptAnswer {
  if (body === undefined || body.length > mostKeptBytes) return { print };
  const encoding = typeof body === 'string' ? 'utf8' : 'base64';
  const [type, location] = [res.get('Content-Type'), res.get('Location')];
  return { print, sent: { status: res.statusCode, type, location, body: body.toString(encoding), encoding } };
}

function sendKept(
  res: Response,
  before: object,
  { status, type, location, body, encoding }: NonNullable<KeptAnswer['sent']>,
) {
  forgetAnswer(res, before, () => {
    res.status(status);
    if (type) res.set('Content-Type', type);
    if (location) res.set('Location', location);
    res.end(Buffer.from(body, encoding));
  });
}

/** Takes back what describes an answer that will not be sent: all headers since this middleware but cookies that are cleared. */
function forgetAnswer(res: Response, before: object, then: () => void): void {
  for (const name of res.getHeaderNames()) {
    if (!Object.hasOwn(before, name) && name !== 'set-cookie') res.removeHeader(name);
  }
  res.statusMessage = '';
  then();
}

/** As writeHead takes them: an object, or a list of names and values. */
function setHeaders(res: Response, headers: unknown): void {
  if (typeof headers !== 'object' || headers === null) return;
  const list = Array.isArray(headers) ? headers.flat() : Object.entries(headers).flat();
  for (let at = 0; at < list.length; at += 2) if (list[at + 1] !== undefined) res.setHeader(list[at], list[at + 1]);
}
