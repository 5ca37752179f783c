import type { Request } from 'express';
import { SessionError } from './errors.ts';
import { shortHash } from './hash.ts';

/** What makes a repeat of a request known, and one change that it makes. */
export interface Repeatable {
  /** The header. */
  key: string;
  /** Under this the answer is kept: a hash of the key and the change. */
  field: string;
  /** What was asked, as a hash: another request must not have the same key. */
  print: string;
}

/** An answer as it is kept for repeats of the request with this print: the result of its change, or all that was sent. */
export interface KeptAnswer {
  print: string;
  result?: unknown;
  sent?: {
    status: number;
    type: string | undefined;
    location: string | undefined;
    body: string;
    encoding: BufferEncoding;
  };
}

const safe = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Reads the Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07) of a request that changes something;
 * undefined where there is none of 1 to 128 printable characters. The body counts as far as it is parsed.
 * @param change which of the changes that the request makes: each is made once
 */
export function readIdempotency(req: Request, change: string): Repeatable | undefined {
  const key = req.get('Idempotency-Key');
  if (key === undefined || safe.has(req.method) || !/^[\x21-\x7e]{1,128}$/.test(key)) return undefined;
  return {
    key,
    field: shortHash(`${change} ${key}`),
    print: shortHash(`${req.method} ${req.originalUrl} ${JSON.stringify(req.body ?? null)}`),
  };
}

/** @throws {SessionError} key-reused where the kept answer is that of another request */
export function readKeptAnswer(text: string, { print }: Repeatable): KeptAnswer {
  const kept = JSON.parse(text) as KeptAnswer;
  if (kept.print !== print) throw new SessionError('key-reused');
  return kept;
}

const updates = new WeakMap<object, number>();
const presented = new WeakMap<object, string>();

/** Names the next updateSession or renewSession of a request. A repeat makes them in the same order. */
export function nextUpdate(req: Request): string {
  const number = (updates.get(req) ?? 0) + 1;
  updates.set(req, number);
  return `update ${number}`;
}

/** True where the request has kept a result with its change: what is sent in the end follows from that. */
export function hasUpdated(req: Request): boolean {
  return updates.has(req);
}

const failed = new WeakSet<object>();

/** The session could not be changed, and the request will be answered so: nothing more is tried for it. */
export function markFailed(req: Request): void {
  failed.add(req);
}

export function hasFailed(req: Request): boolean {
  return failed.has(req);
}

/** Notes the id that the visitor's cookie named where nothing stands under it. */
export function rememberPresented(req: Request, id: unknown): void {
  if (typeof id === 'string') presented.set(req, id);
}

export function presentedId(req: Request): string | undefined {
  return presented.get(req);
}
