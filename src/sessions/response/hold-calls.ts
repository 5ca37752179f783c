import type { AnyResponse } from '../request/state.ts';
import type { Held } from './hold.ts';
import { takeHeaders } from './take-headers.ts';

/** What writes a response. */
const writers = ['writeHead', 'flushHeaders', 'write', 'end'] as const;
type Call = [name: (typeof writers)[number], args: unknown[]];
type Work = (held: Held) => void;

interface Moments {
  /** Before the head is written. @returns what is done while the response is held, or undefined if it need not be held */
  atHead(): Work | undefined;
  /** Before the end of a response whose head has been written; as atHead. */
  atEnd(): Work | undefined;
}

/**
 * Keeps a response back by keeping the calls that write it. For responses that hold.ts cannot hold, because nothing that
 * they write passes through a connection of Node's http/1.1: those of HTTP/2, of Bun and Deno, of adapters for AWS Lambda
 * (serverless-http), of tests without a server (light-my-request). Such a response may have ended for its adapter as soon as
 * `end` is called, so it must not be called before the session is saved.
 */
export function holdCalls(res: AnyResponse, { atHead, atEnd }: Moments): void {
  const present = writers.filter((name) => typeof res[name] === 'function');
  const methods = new Map(present.map((name) => [name, res[name] as (...args: unknown[]) => unknown]));
  let kept: Call[] | undefined;
  let hasHead = false;
  let unfreezeHead: (() => void) | undefined;

  /** @returns what was kept */
  function letGo(): Call[] {
    const calls = kept ?? [];
    kept = undefined;
    unfreezeHead?.();
    unfreezeHead = undefined;
    return calls;
  }

  const held: Held = {
    body() {
      const [[name, args] = [], ...more] = (kept ?? []).filter(([name]) => name !== 'writeHead');
      if (name !== 'end' || more.length > 0) return undefined; // it comes in parts
      const [chunk, encoding] = args ?? [];
      if (chunk === undefined || chunk === null || typeof chunk === 'function') return Buffer.alloc(0);
      return typeof chunk === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : Buffer.from(chunk as Buffer);
    },
    hasEnded: () => kept?.at(-1)?.[0] === 'end',
    release() {
      const calls = letGo();
      for (const [name, args] of calls) Reflect.apply(methods.get(name) as () => void, res, args);
      if (calls.at(-1)?.[0] === 'write') res.emit('drain');
    },
    drop() {
      letGo();
      hasHead = false;
    },
  };

  function keep(name: Call[0], args: unknown[]): AnyResponse | false {
    const isDouble = name === 'writeHead' && kept && kept.length > 0;
    if (!held.hasEnded() && !isDouble) kept?.push([name, args]);
    return name === 'write' ? false : res;
  }

  for (const [name, method] of methods) {
    const write = (...given: unknown[]): unknown => {
      if (kept) return keep(name, given);
      const args = name === 'writeHead' && !hasHead ? takeHeaders(res, given) : given;
      const work = hasHead ? name === 'end' && atEnd() : atHead();
      const isBegun = hasHead;
      hasHead = true;
      if (!work) return Reflect.apply(method, res, args);
      kept = [];
      if (!isBegun) unfreezeHead = freezeHead(res);
      const result = keep(name, args);
      work(held);
      return result;
    };
    Object.assign(res, { [name]: write });
  }
}

/**
 * Lets a response look as if its head had been written, for error handlers that come after it.
 * @returns a function that ends this, and undoes what was done to the head meanwhile
 */
function freezeHead(res: AnyResponse): () => void {
  const own = Object.getOwnPropertyDescriptor(res, 'headersSent');
  const { statusCode } = res;
  const headers = { ...res.getHeaders() };
  Object.defineProperty(res, 'headersSent', { configurable: true, get: () => true });
  return () => {
    Reflect.deleteProperty(res, 'headersSent');
    if (own) Object.defineProperty(res, 'headersSent', own);
    res.statusCode = statusCode;
    for (const name of res.getHeaderNames()) if (!(name in headers)) res.removeHeader(name);
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(name, value);
  };
}
