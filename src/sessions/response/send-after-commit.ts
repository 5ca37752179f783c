import { setTimeout as pause } from 'node:timers/promises';
import type { AnyRequest, AnyResponse, RequestState } from '../request/state.ts';
import { commit, giveUp, hasChanged, hasWork, sendKept } from './commit.ts';
import { type CookieSettings, setCookie, withoutCookie } from './give-cookie.ts';
import { type Held, hold } from './hold.ts';

/** How long a response that must be taken back may take to end: until then its parts may still be written. */
const endMs = 300;

/** Rejects at once if the session cannot be written as JSON, or its cookie's settings make no cookie. */
type Save = (held: Held) => ReturnType<typeof commit>;

/**
 * Saves a changed session before its response leaves.
 *
 * When the head of a response is written, it is known whether there is something to save. If not, the response is sent as
 * usual. Else it is held (hold.ts) until the change is in the store. If it cannot be saved, the response is taken back, and
 * the error goes to the error handlers of the application; a response that is an error already is sent as it is. A stream
 * is held at its head; what it changes later is saved at its end, and if that fails its connection is broken, so that no
 * client treats it as complete.
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
  let isSettled = false;
  let hasCookie = false;

  function head(this: AnyResponse, ...args: unknown[]): AnyResponse {
    if (res.headersSent) return Reflect.apply(writeHead, res, args);
    const rest = takeHeaders(res, args);
    if (hasCookie) withoutCookie(res, settings.name); // the head before this one could not be written
    let save: Save | undefined;
    try {
      const isChanged = !isSettled && hasChanged(req, state);
      if (!isSettled && hasWork(req, res, state, isChanged)) save = (held) => commit(req, res, state, held);
      setCookie(req, res, state, settings, isChanged);
    } catch (err) {
      save = () => Promise.reject(err);
    }
    hasCookie = true;
    Reflect.apply(writeHead, res, rest);
    if (!isSettled && save) saveThenSend(hold(res), save);
    else if (!isSettled) watchEnd();
    isSettled = true;
    return res;
  }
  res.writeHead = head as AnyResponse['writeHead'];
  res.on('error', ignoreLateEnd);

  function saveThenSend(held: Held, save: Save): void {
    save(held)
      .then((first) => {
        if (first) return replace(held, () => sendKept(res, first));
        held.release();
        watchEnd();
      })
      .catch(async (err) => {
        const error = await giveUp(req, res, state, err);
        if (!error) return held.release();
        if (!res.writableEnded) await endOf(res);
        replace(held, () => next(error));
      })
      .catch((cause) => req.socket.destroy(new Error('no response could be sent', { cause })));
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
      let save: Save = () => commit(req, res, state);
      try {
        if (!hasChanged(req, state)) return Reflect.apply(end, res, args);
      } catch (err) {
        save = () => Promise.reject(err);
      }
      const held = hold(res);
      Reflect.apply(end, res, args);
      save(held)
        .then(() => held.release())
        .catch(async (err) => {
          await giveUp(req, res, state, err);
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
