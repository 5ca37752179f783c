import { SessionError } from './errors.ts';
import { shortHash } from './hash.ts';
import { type AnyRequest, stateOf } from './request/state.ts';

/** What identifies a repeat of a request, and one change that it makes. */
export interface Repeatable {
  /** The header. */
  key: string;
  /** Under this the answer is kept: a hash of the key and the change. */
  field: string;
  /** What was asked, as a hash: another request must not have the same key. */
  print: string;
}

/** What is kept for repeats of the request with this print: the result of its change, or all that was sent. */
export interface KeptAnswer {
  print: string;
  result?: unknown;
  sent?: {
    status: number;
    /** Of its headers those that describe the body, and where it leads. */
    headers?: Record<string, string>;
    type?: string | undefined;
    location?: string | undefined;
    body: string;
    encoding: BufferEncoding;
  };
}

const safe = new Set(['GET', 'HEAD', 'OPTIONS']);

export const isSafe = ({ method = '' }: AnyRequest) => safe.has(method);

/** Whether a request may change something, and says with a key that it may be repeated. */
export function hasKey(req: AnyRequest): boolean {
  const key = req.headers['idempotency-key'];
  return typeof key === 'string' && !isSafe(req) && /^[\x21-\x7e]{1,128}$/.test(key);
}

/**
 * Reads the Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07) of a request that changes something;
 * undefined where there is none of 1 to 128 printable characters. The body counts as far as it is parsed.
 * @param change which of the changes that the request makes: each is made once
 */
export function readIdempotency(req: AnyRequest, change: string): Repeatable | undefined {
  if (!hasKey(req)) return undefined;
  const key = req.headers['idempotency-key'] as string;
  return {
    key,
    field: shortHash(`${change} ${key}`),
    print: shortHash(`${req.method} ${req.originalUrl ?? req.url} ${JSON.stringify(req.body ?? null)}`),
  };
}

/** @throws {SessionError} key-reused where the kept answer is that of another request */
export function readKeptAnswer(text: string, { print }: Repeatable): KeptAnswer {
  const kept = JSON.parse(text) as KeptAnswer;
  if (kept.print !== print) throw new SessionError('key-reused');
  return kept;
}

/** Names the next updateSession or renewSession of a request. A repeat makes them in the same order. */
export function nextUpdate(req: AnyRequest): string {
  const state = stateOf(req);
  if (state) state.updates += 1;
  return `update ${state?.updates ?? 1}`;
}
