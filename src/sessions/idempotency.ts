import type { Request } from 'express';
import { SessionError } from './errors.ts';
import { shortHash } from './hash.ts';

/** What makes a repeat of a request known: the header's key, its hash, and a print of what was asked. */
export interface Repeatable {
  key: string;
  field: string;
  print: string;
}

/** An answer as it is kept for repeats of the request with this print: the result of its change, or all that was sent. */
export interface KeptAnswer {
  print: string;
  result?: unknown;
  sent?: { status: number; type: string | undefined; location: string | undefined; body: string };
}

const safe = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Reads the Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07) of a request that changes something;
 * undefined where there is none of 1 to 128 printable characters. The body counts as far as it is parsed.
 */
export function readIdempotency(req: Request): Repeatable | undefined {
  const key = req.get('Idempotency-Key');
  if (key === undefined || safe.has(req.method) || !/^[\x21-\x7e]{1,128}$/.test(key)) return undefined;
  const path = req.originalUrl.split('?', 1)[0];
  return { key, field: shortHash(key), print: shortHash(`${req.method} ${path} ${JSON.stringify(req.body ?? null)}`) };
}

/** @throws {SessionError} key-reused where the kept answer is that of another request */
export function readKeptAnswer(text: string, { print }: Repeatable): KeptAnswer {
  const kept = JSON.parse(text) as KeptAnswer;
  if (kept.print !== print) throw new SessionError('key-reused');
  return kept;
}

const answered = new WeakSet<object>();
const presented = new WeakMap<object, string>();

/** The request's answer is kept with its change: what is sent in the end need not be. */
export function markAnswered(req: Request): void {
  answered.add(req);
}

export function isAnswered(req: Request): boolean {
  return answered.has(req);
}

/** Notes the id that the visitor's cookie named where nothing stands under it. */
export function rememberPresented(req: Request, id: unknown): void {
  if (typeof id === 'string') presented.set(req, id);
}

export function presentedId(req: Request): string | undefined {
  return presented.get(req);
}
