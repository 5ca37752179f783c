import { SessionError } from './errors.ts';
import type { Tell } from './events.ts';
import { sha1, shortHash } from './hash.ts';
import { nextUpdate, readIdempotency } from './idempotency.ts';
import type { Attributes, Stored } from './record.ts';
import { readAttributes, readStored, writeStored } from './record.ts';
import type { RedisClock } from './redis/clock.ts';
import type { RedisCalls } from './redis/commands.ts';
import { renewScript, writeScript } from './redis/scripts.ts';
import type { AnyRequest } from './state.ts';

/** What a change needs of the store that it is made in: its limits, its keys, and its way to Redis. */
export interface ChangeStore {
  readonly prefix: string;
  readonly idleSeconds: number;
  readonly absoluteMs: number;
  readonly deadlineMs: number;
  readonly maxBytes: number;
  readonly maxPerUser: number;
  readonly calls: RedisCalls;
  readonly clock: RedisClock;
  readonly tell: Tell;
  userOf(session: Attributes): string | undefined;
  keyOf(sid: string): string;
  indexOf(user: string): string;
  end(sid: string, attributes: Attributes, as: 'expired'): Promise<void>;
}

/** One change of a session. */
export interface Change {
  /** The session's id, and what is known to stand there; undefined for a new session. */
  id: string;
  base: Stored | undefined;
  /** The new attributes, upon those that stand. Called again where another request was faster. */
  apply(standing: Attributes): Attributes;
  /** What it is told of as where it was called again: `apply` merges, or makes the application's own change anew. */
  anew: 'merged' | 'retried';
  /** The answer of this request, to be given again to its repeats. Its text is read after each `apply`. */
  answer?: { field: string; text(): string } | undefined;
  /** The session moves to this id. The mark that stays lets a repeat of the request find it there. */
  renewal?: { id: string; mark(): string };
}

/** How a change ended; every other end is a SessionError. Only a renewal finds that its session has `moved`. */
export type Changed =
  | { outcome: 'saved'; stored: Stored }
  | { outcome: 'replayed'; answer: string }
  | { outcome: 'moved'; mark: string };

/** How long answers, and the marks of sessions that have moved, are kept for repeats. */
const answersMs = 600_000;
const markMs = 60_000;

/**
 * Writes a change by compare and set, and makes it anew upon what stands as long as others are faster.
 * @throws {SessionError} with any code, or what `apply` throws
 */
export async function makeChange(store: ChangeStore, change: Change): Promise<Changed> {
  try {
    return await writeUntilSaved(store, change);
  } catch (err) {
    if (err instanceof SessionError && err.code === 'session-conflict')
      store.tell({ type: 'conflict', outcome: 'refused' });
    throw err;
  }
}

/** Whatever time it is by then: a process that stood still, on a busy machine, has been overtaken once, not all the while. */
const leastTries = 3;

async function writeUntilSaved(store: ChangeStore, change: Change): Promise<Changed> {
  const deadline = performance.now() + store.deadlineMs;
  let { base } = change;
  let left = store.deadlineMs;
  for (let tries = 0; left > 0 || tries < leastTries; tries++) {
    const prepared = await prepare(store, change, base).catch((err) => findAnswer(store, change, err));
    if ('answer' in prepared) return { outcome: 'replayed', answer: prepared.answer };
    const { stored, keys, args } = prepared;
    const script = change.renewal && base ? renewScript : writeScript;
    const [outcome, value] = await store.calls.run<[string, (string | number)?]>(
      script,
      keys,
      args,
      Math.max(left, store.deadlineMs / 4),
    );
    if (outcome === 'saved') {
      tellSaved(store, change, base !== change.base, Number(value));
      return { outcome, stored };
    }
    if (outcome === 'replayed') return { outcome, answer: String(value) };
    if (outcome === 'moved' && change.renewal) return { outcome, mark: String(value) };
    if (outcome === 'moved' || outcome === 'gone') throw endedMeanwhile(store);
    if (outcome === 'taken') throw new SessionError('session-conflict');
    base = readStored(String(value));
    left = deadline - performance.now();
  }
  throw new SessionError('session-conflict');
}

function tellSaved(
  { tell }: ChangeStore,
  { base, renewal, anew }: Change,
  wasOvertaken: boolean,
  revoked: number,
): void {
  if (!base) tell({ type: 'created' });
  else if (renewal) tell({ type: 'renewed' });
  if (wasOvertaken) tell({ type: 'conflict', outcome: anew });
  for (let number = 0; number < revoked; number++) tell({ type: 'revoked' });
}

/** The error of a write that would bring a session back. */
export function endedMeanwhile({ tell }: ChangeStore): SessionError {
  tell({ type: 'resurrection_prevented' });
  return new SessionError('session-ended');
}

/** Code that saves by itself makes that change once for a request with a key, too. */
export function claimKey(req: AnyRequest | undefined): Change['answer'] {
  const repeatable = req && readIdempotency(req, nextUpdate(req));
  return repeatable && { field: repeatable.field, text: () => JSON.stringify({ print: repeatable.print }) };
}

/** A change that cannot be made any more may be one that was made already: then its answer is known. */
async function findAnswer(store: ChangeStore, { id, answer }: Change, err: unknown): Promise<{ answer: string }> {
  if (!answer) throw err;
  const known = await store.calls.read('find', (redis) => redis.hGet(`${store.keyOf(id)}:answers`, answer.field));
  if (known === null) throw err;
  return { answer: known };
}

/** Makes the change upon `base`, and the keys and arguments of the script that writes it. */
async function prepare(store: ChangeStore, { id, answer, renewal, apply }: Change, base: Stored | undefined) {
  const now = await store.clock.now();
  if (base?.createdAt && now >= base.createdAt + store.absoluteMs) throw await endOverdue(store, id, base);
  const [before, attributes] = [readAttributes(base), apply(readAttributes(base))];
  const createdAt = renewal || !base?.createdAt ? now : base.createdAt;
  const stored = writeStored(attributes, createdAt, now, store.maxBytes);
  const ttlMs = Math.min(store.idleSeconds * 1000, createdAt + store.absoluteMs - now);
  const [was, user] = [base?.createdAt ? store.userOf(before) : undefined, store.userOf(attributes)];
  const [old, member] = [shortHash(id), shortHash(renewal?.id ?? id)];
  const [joins, leaves] = [
    user !== undefined && (renewal || was !== user),
    was !== undefined && (renewal || was !== user),
  ];
  const key = store.prefix + member;
  const keys = [
    key,
    `${key}:answers`,
    store.indexOf(user ?? ''),
    store.indexOf(was ?? ''),
    `${store.prefix}${old}:moved`,
  ];
  const written = [base ? sha1(base.text) : '', stored.text, ttlMs];
  const remembered = [answer?.field ?? '', answer?.text() ?? '', Math.min(answersMs, ttlMs)];
  const listed = [joins ? member : '', now, store.absoluteMs, store.maxPerUser, store.prefix, leaves ? old : ''];
  const args = [...written, ...remembered, ...listed];
  if (renewal && base) {
    keys.push(store.prefix + old, `${store.prefix}${old}:answers`);
    args.push(renewal.mark(), markMs);
  }
  return { stored, keys, args };
}

/** A session may reach its absolute end while a request is under way. */
async function endOverdue(store: ChangeStore, id: string, stored: Stored): Promise<SessionError> {
  await store.end(id, readAttributes(stored), 'expired');
  return new SessionError('session-ended');
}
