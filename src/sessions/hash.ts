import { createHmac, hash, randomBytes } from 'node:crypto';

/** 128 bits of SHA-256, as 22 characters. What stands in Redis is made of these, so that a dump of it opens no session. */
export function shortHash(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22);
}

/** As Redis's `redis.sha1hex`. */
export function sha1(text: string): string {
  return hash('sha1', text, 'hex');
}

export function newNonce(): string {
  return randomBytes(18).toString('base64url');
}

/**
 * A session id that only who knows the id before it and the request's Idempotency-Key can make again, and only with the
 * nonce that stands in Redis.
 */
export function nextId(id: string, idempotencyKey: string, nonce: string): string {
  return createHmac('sha256', id).update(`${nonce} ${idempotencyKey}`).digest('base64url').slice(0, 32);
}

/** As long as those of express-session, and as random. */
export function newSessionId(): string {
  return randomBytes(24).toString('base64url');
}
