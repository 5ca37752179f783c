import { SessionError } from './errors.ts';
import { lifetimeOf, readStored } from './record.ts';
import { joinScript } from './redis/scripts.ts';
import type { SessionRepository } from './repository.ts';

// A user's sessions: a sorted set of their handles, by when they were noted; -1 for one that is being ended.
//
// On a Cluster it is in another slot than the sessions, so no script changes both. A session is noted before it is written:
// a crash leaves the handle of no session. After the write it must still be noted, else it was ended in between.

/** Whose list of sessions a change enters, and whose it leaves. */
export interface Membership {
  handle: string;
  /** Another one if the session moves. */
  oldHandle: string;
  /** Redis's time, in milliseconds. */
  now: number;
  joins?: string | undefined;
  leaves?: string | undefined;
}

/** Notes a session, before it is written. @returns how many are noted of this user, or 0 if it enters no list */
export async function join(repository: SessionRepository, { joins, handle, now }: Membership, ttlMs: number) {
  if (joins === undefined) return 0;
  const { calls } = repository;
  const index = repository.indexOf(joins);
  const noted = await calls.run<number>(joinScript, [index], [handle, now, ttlMs]);
  // On one server the session is written after it, and confirmed with it.
  if (calls.serverOf(index) !== calls.serverOf(repository.keyOfHandle(handle))) await calls.confirm(index);
  return noted;
}

/**
 * Looks whether a session that was noted and written has been ended in between, and if so, ends it. Ends those that are now
 * too many.
 * @returns whether the session is the user's
 */
export async function confirm(repository: SessionRepository, membership: Membership, noted: number): Promise<boolean> {
  const { joins, leaves, handle, oldHandle, now } = membership;
  if (leaves !== undefined && (leaves !== joins || handle !== oldHandle)) repository.leaveList(leaves, oldHandle);
  if (joins === undefined) return true;
  if (!(await isStillIn(repository, joins, handle))) {
    await repository.endByHandle(handle);
    return false;
  }
  // If that fails, the next login does it.
  if (noted > repository.maxPerUser) await endExcess(repository, joins, handle, now).catch(() => {});
  return true;
}

/** Whether a session that was written has not been ended meanwhile. @throws {SessionError} outcome-unknown */
export async function isStillIn(repository: SessionRepository, user: string, handle: string): Promise<boolean> {
  const index = repository.indexOf(user);
  try {
    const score = await repository.calls.read<string | number | null>('list', 'ZSCORE', index, handle);
    return score !== null && Number(score) >= 0;
  } catch (cause) {
    throw new SessionError('outcome-unknown', { cause });
  }
}

/** The handles of a user's sessions, those noted first first. Some may have ended. */
export function handlesOf(repository: SessionRepository, user: string): Promise<string[]> {
  return repository.calls.read('list', 'ZRANGE', repository.indexOf(user), '0', '-1');
}

/**
 * Ends sessions of a user. A login that has noted one of them and has not yet written it finds that out.
 * @returns how many there were
 * @throws {SessionError} outcome-unknown if some have ended, or may have, and others not
 */
export async function endAll(repository: SessionRepository, user: string, handles: string[]): Promise<number> {
  if (handles.length === 0) return 0;
  const index = repository.indexOf(user);
  await repository.calls.read('list', 'ZADD', index, 'XX', ...handles.flatMap((handle) => ['-1', handle]));
  await repository.calls.confirm(index); // else a failover forgets the marks, and a login under way ends well
  const results = await Promise.allSettled(handles.map((handle) => repository.endByHandle(handle)));
  const ended = results.filter((result) => result.status === 'fulfilled' && result.value).length;
  const failed = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as SessionError);
  const [cause] = failed;
  if (cause && (ended > 0 || failed.some(({ code }) => code === 'outcome-unknown')))
    throw new SessionError('outcome-unknown', { cause });
  if (cause) throw cause;
  repository.leaveList(user, ...handles);
  return ended;
}

/** Takes these sessions out of the list. @throws {SessionError} outcome-unknown if something of them is left */
export async function requireErased(repository: SessionRepository, user: string, handles: string[]): Promise<void> {
  if (handles.length === 0) return;
  const sessions = handles.map((handle) => repository.keyOfHandle(handle));
  const keys = sessions.flatMap((key) => [key, `${key}:answers`]);
  const counts = await Promise.all(keys.map((key) => repository.calls.read<number>('list', 'EXISTS', key)));
  if (counts.some((count) => count > 0)) throw new SessionError('outcome-unknown');
  await repository.calls.read('list', 'ZREM', repository.indexOf(user), ...handles);
}

/** A session that was noted so long ago has been written, if it ever will be. */
const writtenMs = 10_000;

/** Ends those sessions of a user that are too many and were noted before this one, the ones unused for longest first. */
export async function endExcess(repository: SessionRepository, user: string, own: string, now: number): Promise<void> {
  const handles = await handlesOf(repository, user);
  const found = await readSessions(repository, handles);
  const alive = new Set(found.map(({ handle }) => handle));
  // It is not in the list if it has ended meanwhile: then none was noted before it.
  const earlier = new Set(handles.slice(0, Math.max(0, handles.indexOf(own))));
  const excess = found
    .filter(({ handle }) => earlier.has(handle))
    .sort((a, b) => a.lastSeenMs - b.lastSeenMs)
    .slice(0, Math.max(0, alive.size - repository.maxPerUser))
    .map(({ handle }) => handle);
  const until = String(now - writtenMs);
  const index = repository.indexOf(user);
  const settled = await repository.calls.read<string[]>('list', 'ZRANGEBYSCORE', index, '-inf', until);
  const gone = settled.filter((handle) => earlier.has(handle) && !alive.has(handle));
  const ended = await endAll(repository, user, [...gone, ...excess]);
  for (let number = 0; number < ended; number++) repository.tell({ type: 'evicted' });
}

/**
 * What is stored of these sessions, without those that have ended, and when each was used last, in milliseconds since 1970.
 * That follows from the time that it has left: nothing is written for it.
 */
export async function readSessions(repository: SessionRepository, handles: string[]) {
  const keys = handles.map((handle) => repository.keyOfHandle(handle));
  const [texts, times, now] = await Promise.all([
    Promise.all(keys.map((key) => repository.calls.read<string | null>('list', 'GET', key))),
    Promise.all(keys.map((key) => repository.calls.read<number>('list', 'PTTL', key))),
    repository.clock.now(),
  ]);
  return handles.flatMap((handle, at) => {
    const stored = readStored(texts[at] ?? '');
    if (!stored) return [];
    return [{ handle, stored, lastSeenMs: now - lifetimeOf(stored.cookie, repository.idleMs) + (times[at] ?? 0) }];
  });
}
