import { createCipheriv, createHmac, hash, randomBytes } from 'node:crypto';

/** 128 bits of SHA-256, as 22 characters. Keys in Redis are made of these, so that a dump of it opens no session. */
export function shortHash(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22);
}

/** As Redis's `redis.sha1hex`. */
export function sha1(text: string): string {
  return hash('sha1', text, 'hex');
}

const thisProcess = randomBytes(6).toString('base64url');
let revisions = 0;

/** Names one text of a session, as no other process and no other text does. */
export function newRevision(): string {
  return `${thisProcess}${(revisions++).toString(36)}`;
}

export function newNonce(): string {
  return randomBytes(18).toString('base64url');
}

/** As long as those of express-session, and as random. */
export function newSessionId(): string {
  return randomBytes(24).toString('base64url');
}

/**
 * Encrypts the new id of a session that moves: only a request that knows the old id and has the same Idempotency-Key can
 * decrypt it. Encrypting twice decrypts.
 */
export function seal(bytes: Buffer, oldId: string, idempotencyKey: string, nonce: string): Buffer {
  const key = createHmac('sha256', oldId).update(`${nonce} ${idempotencyKey}`).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(bytes); // one key for each nonce
}

/** The id that a session of plain connect-redis gets: always the same one, for the requests that arrive at once. */
export function takenOverId(oldId: string, secret: string): string {
  return createHmac('sha256', secret).update(`taken over ${oldId}`).digest('base64url').slice(0, 32);
}
