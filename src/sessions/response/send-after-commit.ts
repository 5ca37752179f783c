import { setTimeout as pause } from 'node:timers/promises';
import type { AnyRequest, AnyResponse, RequestState } from '../request/state.ts';
import { commit, giveUp, hasChanged, hasWork, sendKept } from './commit.ts';
import { type CookieSettings, setCookie, withoutCookie } from './give-cookie.ts';
import { type Held, hold, isOnConnection } from './hold.ts';
import { holdCalls } from './hold-calls.ts';
import { takeHeaders } from './take-headers.ts';

/** How long a response that must be taken back may take to end: until then its parts may still be written. */
const endMs = 300;

/** Rejects at once if the session cannot be written as JSON, or its cookie's settings make no cookie. */
type Save = (held: Held) => ReturnType<typeof commit>;

/**
 * Saves a changed session before its response leaves.
 *
 * When the head of a response is written, it is known whether there is something to save. If not, the response is sent as
 * usual. Else it is held (hold.ts, hold-calls.ts) until the change is in the store. If it cannot be saved, the response is
 * taken back, and the error goes to the error handlers of the application; a response that is an error already is sent as
 * it is. A stream is held at its head; what it changes later is saved at its end, and if that fails its connection is
 * broken, so that no client treats it as complete.
 */
export function sendAfterCommit(
  req: AnyRequest,
  res: AnyResponse,
  state: RequestState,
  settings: CookieSettings,
  next: (err?: unknown) => void,
): void {
  const { writeHead } = res;
  const methods = methodsOf(res);
  const before = res.getHeaderNames();
  const isHeldHere = isOnConnection(req, res);
  let isSettled = false;
  let hasCookie = false;

  /** To be called before the head is written. @returns what saves the change */
  function atHead(): Save | undefined {
    if (hasCookie) withoutCookie(res, settings.name); // the head before this one could not be written
    hasCookie = true;
    try {
      const isChanged = !isSettled && hasChanged(req, state);
      const isNeeded = !isSettled && hasWork(req, res, state, isChanged);
      setCookie(req, res, state, settings, isChanged);
      return isNeeded ? (held) => commit(req, res, state, held) : undefined;
    } catch (err) {
      return isSettled ? undefined : () => Promise.reject(err);
    }
  }

  /** To be called before the end of a response that has begun. @returns what saves that which has changed meanwhile */
  function atEnd(): Save | undefined {
    try {
      return hasChanged(req, state) ? () => commit(req, res, state) : undefined;
    } catch (err) {
      return () => Promise.reject(err);
    }
  }

  function head(this: AnyResponse, ...args: unknown[]): AnyResponse {
    if (res.headersSent) return Reflect.apply(writeHead, res, args);
    const rest = takeHeaders(res, args);
    const save = atHead();
    Reflect.apply(writeHead, res, rest);
    if (save) saveThenSend(hold(res), save);
    else if (!isSettled) watchEnd();
    isSettled = true;
    return res;
  }

  function watch(): void {
    if (isHeldHere) {
      res.writeHead = head as AnyResponse['writeHead'];
      return;
    }
    holdCalls(res, {
      atHead() {
        const save = atHead();
        isSettled = true;
        return save && ((held) => saveThenSend(held, save));
      },
      atEnd() {
        const save = atEnd();
        return save && ((held) => saveThenEnd(held, save));
      },
    });
  }
  watch();
  res.on('error', ignoreLateEnd);

  function saveThenSend(held: Held, save: Save): void {
    save(held)
      .then((first) => {
        if (first) return replace(held, () => sendKept(res, first));
        held.release();
        if (isHeldHere) watchEnd();
      })
      .catch(async (err) => {
        const error = await giveUp(req, res, state, err);
        if (!error) return held.release();
        await endOf(held);
        replace(held, () => next(error));
      })
      .catch((cause) => breakOff(new Error('no response could be sent', { cause })));
  }

  /** Another response takes the place of one of which nothing was sent, as if this layer had been reached just now. */
  function replace(held: Held, respond: () => void): void {
    held.drop();
    restoreMethods(res, methods);
    for (const name of res.getHeaderNames())
      if (!before.includes(name) && name !== 'set-cookie') res.removeHeader(name);
    withoutCookie(res, settings.name);
    hasCookie = false;
    watch();
    respond();
  }

  /** What changes while a response is being sent is saved before its end. */
  function watchEnd(): void {
    if (res.writableEnded) return;
    const { end } = res;
    res.end = function endAfterCommit(...args: unknown[]): AnyResponse {
      res.end = end;
      const save = atEnd();
      if (!save) return Reflect.apply(end, res, args);
      const held = hold(res);
      Reflect.apply(end, res, args);
      saveThenEnd(held, save);
      return res;
    } as AnyResponse['end'];
  }

  function saveThenEnd(held: Held, save: Save): void {
    save(held)
      .then(() => held.release())
      .catch(async (err) => {
        await giveUp(req, res, state, err);
        breakOff(new Error('the session could not be saved', { cause: err }));
      });
  }

  function breakOff(err: Error): void {
    req.socket.destroy(err);
    // An adapter without a connection waits for an end or an error of the response.
    if (!isHeldHere && res.listenerCount('error') > 1) res.emit('error', err);
  }
}

/**
 * What is sent after the end is an error of the response in Node, which nobody listens to: the process would end.
 * express-session ignores it, and so does this.
 */
function ignoreLateEnd(this: AnyResponse, err: NodeJS.ErrnoException): void {
  if (err.code !== 'ERR_STREAM_WRITE_AFTER_END' && this.listenerCount('error') === 1) throw err;
}

/** Resolves once the application has ended a response, or after a while. */
async function endOf(held: Held): Promise<void> {
  const start = performance.now();
  while (!held.hasEnded() && performance.now() - start < endMs) await pause(10);
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
