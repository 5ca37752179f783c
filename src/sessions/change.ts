import { SessionError } from './errors.ts';
import { nextUpdate, readIdempotency } from './idempotency.ts';
import type { Attributes } from './options.ts';
import type { Stored } from './record.ts';
import { lifetimeOf, readAttributes, readStored, requireStorable, writeStored } from './record.ts';
import { renewScript, writeScript } from './redis/scripts.ts';
import type { SessionRepository } from './repository.ts';
import type { AnyRequest } from './request/state.ts';
import { confirm, join, type Membership } from './user-index.ts';

/** One change of a session. */
export interface Change {
  id: string;
  /** What the request has read; undefined for a new session. */
  base: Stored | undefined;
  /** The attributes as JSON, if the change is made on `base`: then nothing has to be applied. */
  json?: string;
  /** The settings of the session's own cookie as the request shows them, as JSON. */
  cookie: string;
  /** The new attributes, given those that are stored. Called again if another request was faster. */
  apply(current: Attributes): Attributes;
  /** How the event names it if it was called again: `apply` merges, or makes the application's own change again. */
  again: 'merged' | 'retried';
  /** The response to this request, for its repeats. Its text is read after each `apply`. */
  answer?: { field: string; text(): string } | undefined;
  /** The session moves to this id. The mark that stays lets a repeat of the request find it there. */
  renewal?: { id: string; mark(): string };
}

/**
 * How a change ended; every other end is a SessionError. Only a renewal finds that its session has `moved`; `ended` is a
 * change that has ended the session.
 */
export type Changed =
  | { outcome: 'ended' }
  | { outcome: 'saved'; stored: Stored; attributes: Attributes }
  | { outcome: 'replayed'; answer: string }
  | { outcome: 'moved'; mark: string };

/** How long responses, and the marks of sessions that have moved, are kept for repeats. */
const answersMs = 600_000;
const markMs = 60_000;

/**
 * Writes a change by compare and set, and makes it again on what is stored as long as other requests are faster. Changes of
 * one session in this process follow one another.
 * @throws {SessionError} with any code, or what `apply` throws
 */
export async function makeChange(repository: SessionRepository, change: Change): Promise<Changed> {
  const { queue, deadlineMs, patienceMs } = repository;
  let changed: Changed | undefined;
  try {
    await queue.run(change.id, maxDeadlines * deadlineMs + patienceMs, async (latest) => {
      changed = await writeUntilSaved(repository, change, change.base && latest);
      return changed.outcome === 'saved' && !change.renewal ? changed.stored : undefined;
    });
  } catch (err) {
    if (err instanceof SessionError && err.code === 'session-conflict')
      repository.tell({ type: 'conflict', outcome: 'refused' });
    throw err;
  }
  return changed as Changed;
}

/** So long a change waits for those before it, as long as the store answers: a session may be hot, or the machine busy. */
const maxDeadlines = 4;

/** Whatever time it is by then: a process that was blocked, on a busy machine, has been overtaken once, not all the while. */
const minTries = 3;

async function writeUntilSaved(
  repository: SessionRepository,
  change: Change,
  latest: Stored | undefined,
): Promise<Changed> {
  const { calls, deadlineMs } = repository;
  const deadline = performance.now() + deadlineMs;
  let base = latest ?? change.base;
  let left = deadlineMs;
  for (let tries = 0; left > 0 || tries < minTries; tries++) {
    const prepared = await prepare(repository, change, base).catch((err) => findKept(repository, change, err));
    if ('answer' in prepared) return { outcome: 'replayed', answer: prepared.answer };
    const { stored, attributes, keys, args, membership } = prepared;
    const script = change.renewal && base ? renewScript : writeScript;
    const noted = await join(repository, membership, repository.endOf(stored) - stored.createdAt);
    const [outcome, value] = await calls.run<[string, string?]>(script, keys, args, Math.max(left, deadlineMs / 4));
    if (outcome === 'saved') {
      repository.noteExtended(keys[0] as string);
      tellSaved(repository, change, base !== change.base);
      if (!(await confirm(repository, membership, noted))) throw endedMeanwhile(repository);
      return { outcome, stored, attributes };
    }
    // Where the id stays, another request may have entered it for the same user.
    const isNowhere = change.renewal || outcome === 'gone' || outcome === 'moved';
    if (membership.joins !== undefined && isNowhere) repository.leaveList(membership.joins, membership.handle);
    if (outcome === 'replayed') return { outcome, answer: String(value) };
    if (outcome === 'moved' && change.renewal) return { outcome, mark: String(value) };
    if (outcome === 'moved' || outcome === 'gone') throw endedMeanwhile(repository);
    if (outcome === 'taken') throw new SessionError('session-conflict');
    base = readStored(String(value));
    if (!base) throw unreadable(repository, change.id);
    left = deadline - performance.now();
  }
  throw new SessionError('session-conflict');
}

function tellSaved({ tell }: SessionRepository, { base, renewal, again }: Change, wasOvertaken: boolean): void {
  if (!base) tell({ type: 'created' });
  else if (renewal) tell({ type: 'renewed' });
  if (wasOvertaken) tell({ type: 'conflict', outcome: again });
}

/** The error of a write that would recreate a session. */
export function endedMeanwhile({ tell }: SessionRepository): SessionError {
  tell({ type: 'resurrection_prevented' });
  return new SessionError('session-ended');
}

function unreadable(repository: SessionRepository, id: string): SessionError {
  repository.discard(id);
  return new SessionError('session-ended');
}

/** Code that saves by itself makes that change once for a request with a key, too. */
export function claimKey(req: AnyRequest | undefined): Change['answer'] {
  const repeatable = req && readIdempotency(req, nextUpdate(req));
  return repeatable && { field: repeatable.field, text: () => JSON.stringify({ print: repeatable.print }) };
}

/** A change that cannot be made any more may have been made already: then its response is known. */
async function findKept(repository: SessionRepository, { id, answer }: Change, err: unknown) {
  if (!answer) throw err;
  const known = await repository.findKept(id, answer.field);
  if (known === null) throw err;
  return { answer: known };
}

/** Makes the change on `base`, and the keys and arguments of the script that writes it. */
async function prepare(repository: SessionRepository, change: Change, base: Stored | undefined) {
  const { id, renewal } = change;
  const now = repository.clock.known ?? (await repository.clock.now());
  if (base?.createdAt && now >= repository.endOf(base)) throw await endOverdue(repository, id, base);
  const isFirst = base === change.base && change.json !== undefined;
  const current = readAttributes(base);
  const before = base?.createdAt ? repository.userOf(current) : undefined;
  const json = isFirst ? (change.json as string) : JSON.stringify(change.apply(current));
  const attributes = JSON.parse(json) as Attributes;
  requireStorable(json, attributes);
  const hasOwnCookie = change.cookie !== (change.base?.cookie ?? '');
  const cookie = hasOwnCookie ? change.cookie : (base?.cookie ?? ''); // another request may have changed it
  const createdAt = renewal || !base?.createdAt ? now : base.createdAt;
  const stored = writeStored(json, cookie, createdAt, repository.maxBytes);
  const idleMs = lifetimeOf(cookie, repository.idleMs);
  const ttlMs = Math.max(1, Math.min(idleMs, repository.endOf(stored) - now));

  const key = repository.keyOf(renewal?.id ?? id);
  const keys = [key, repository.markKeyOf(id)];
  const args: (string | number)[] = [base?.version ?? '', stored.text, ttlMs];
  if (change.answer || renewal) {
    keys.push(`${key}:answers`);
    args.push(change.answer?.field ?? '', change.answer?.text() ?? '', Math.min(answersMs, ttlMs));
  }
  if (renewal && base) {
    keys.push(repository.keyOf(id), `${repository.keyOf(id)}:answers`);
    args.push(renewal.mark(), markMs, repository.channel, repository.handleOf(id));
  }
  const user = repository.userOf(attributes);
  const isAnonymous = user === undefined && before === undefined;
  if (isAnonymous && (await repository.isFullOfAnonymous(key))) throw new SessionError('store-full');
  const lists = user !== before || renewal ? { joins: user, leaves: before } : {};
  const [handle, oldHandle] = [repository.handleOf(renewal?.id ?? id), repository.handleOf(id)];
  const membership: Membership = { handle, oldHandle, now, ...lists };
  return { stored, attributes, keys, args, membership };
}

/** A session may reach its absolute end while a request is under way. */
async function endOverdue(repository: SessionRepository, id: string, stored: Stored): Promise<SessionError> {
  await repository.end(id, readAttributes(stored), 'expired');
  return new SessionError('session-ended');
}
