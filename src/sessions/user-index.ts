import { SessionError } from './errors.ts';
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
  return repository.calls.run<number>(joinScript, [repository.indexOf(joins)], [handle, now, ttlMs]);
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
  const results = await Promise.allSettled(handles.map((handle) => repository.endByHandle(handle)));
  const ended = results.filter((result) => result.status === 'fulfilled' && result.value).length;
  const failed = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as SessionError);
  const [cause] = failed;
  if (cause && (ended > 0 || failed.some(({ code }) => code === 'outcome-unknown')))
    throw new SessionError('outcome-unknown', { cause });
  if (cause) throw cause;
  await repository.calls.read('list', 'ZREM', index, ...handles).catch(() => {}); // else when the list is full
  return ended;
}

/** A session that was noted so long ago has been written, if it ever will be. */
const writtenMs = 10_000;

/** Ends those sessions of a user that are too many and were noted before this one, the first ones first. */
export async function endExcess(repository: SessionRepository, user: string, own: string, now: number): Promise<void> {
  const handles = await handlesOf(repository, user);
  const lives = await Promise.all(
    handles.map((handle) => repository.calls.read<number>('list', 'EXISTS', repository.keyOfHandle(handle))),
  );
  const alive = new Set(handles.filter((_, number) => lives[number] === 1));
  // It is not in the list if it has ended meanwhile: then none was noted before it.
  const earlier = handles.slice(0, Math.max(0, handles.indexOf(own)));
  const excess = earlier
    .filter((handle) => alive.has(handle))
    .slice(0, Math.max(0, alive.size - repository.maxPerUser));
  const until = String(now - writtenMs);
  const settled = await repository.calls.read<string[]>(
    'list',
    'ZRANGEBYSCORE',
    repository.indexOf(user),
    '-inf',
    until,
  );
  const gone = settled.filter((handle) => earlier.includes(handle) && !alive.has(handle));
  const ended = await endAll(repository, user, [...gone, ...excess]);
  for (let number = 0; number < ended; number++) repository.tell({ type: 'revoked' });
}
