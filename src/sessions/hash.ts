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

/** Says where the keys of a session are in a Cluster; not secret. A session keeps it when it moves to a new id. */
const homeLength = 8;
const randomLength = 32;

/** `<home>-<random>`, of which the second is as long as the ids of express-session, and as random. */
export function newSessionId(home: string = randomBytes(6).toString('base64url')): string {
  return `${home}-${randomBytes(24).toString('base64url')}`;
}

/** Undefined for an id of the application (genid) or of version 0.1. */
export function homeOf(id: string): string | undefined {
  const hasHome = id.length === homeLength + 1 + randomLength && id.charAt(homeLength) === '-';
  return hasHome ? id.slice(0, homeLength) : undefined;
}

/**
 * Names a session without opening it: for its user, and for its keys in Redis. It is a hash of its id, behind its home if
 * it has one.
 */
export function handleOf(id: string): string {
  return (homeOf(id) ?? '') + shortHash(id);
}

/** Of so many ids the handle is kept; of more, all are forgotten. */
const maxHandles = 10_000;

/** `handleOf`, which remembers: a visitor comes with the same id at each request. */
export function rememberHandles(): typeof handleOf {
  const handles = new Map<string, string>();
  return (id) => {
    const known = handles.get(id);
    if (known !== undefined) return known;
    const handle = handleOf(id);
    if (handles.size >= maxHandles) handles.clear();
    handles.set(id, handle);
    return handle;
  };
}

/** @returns what follows a prefix in the key of the session with this handle */
export function keyOfHandle(handle: string): string {
  return handle.length > 22 ? `{${handle.slice(0, homeLength)}}:${handle.slice(homeLength)}` : handle;
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
  const text = createHmac('sha256', secret).update(`taken over ${oldId}`).digest('base64url');
  return `${text.slice(0, homeLength)}-${text.slice(homeLength, homeLength + randomLength)}`;
}
