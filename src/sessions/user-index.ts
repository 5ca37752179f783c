import { SessionError } from './errors.ts';
import { joinScript } from './redis/scripts.ts';
import type { SessionRepository } from './repository.ts';

// A user's sessions: a sorted set of their handles, by when they were noted; -1 for one that is being ended.
//
// It does not stand with the sessions on a Cluster, so no script changes both. A session is noted before it is written: a
// crash leaves a handle that leads nowhere. After the write it must still be noted, else it was ended in between.

/** Notes a session, before it is written. @returns how many are noted of this user */
export function join(repository: SessionRepository, user: string, handle: string, now: number, ttlMs: number) {
  return repository.calls.run<number>(joinScript, [repository.indexOf(user)], [handle, now, ttlMs]);
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
 */
export async function endAll(repository: SessionRepository, user: string, handles: string[]): Promise<number> {
  if (handles.length === 0) return 0;
  const index = repository.indexOf(user);
  await repository.calls.read('list', 'ZADD', index, 'XX', ...handles.flatMap((handle) => ['-1', handle]));
  const ended = await Promise.all(handles.map((handle) => repository.endByHandle(handle)));
  await repository.calls.read('list', 'ZREM', index, ...handles);
  return ended.filter(Boolean).length;
}

/** Ends those sessions of a user that are too many and were noted before this one, the first ones first. */
export async function endExcess(repository: SessionRepository, user: string, own: string): Promise<void> {
  const handles = await handlesOf(repository, user);
  const lives = await Promise.all(
    handles.map((handle) => repository.calls.read<number>('list', 'EXISTS', repository.keyOfHandle(handle))),
  );
  // It is not in the list if it has ended meanwhile: then none was noted before it.
  const earlier = handles.slice(0, Math.max(0, handles.indexOf(own)));
  const isAlive = (handle: string) => lives[handles.indexOf(handle)] === 1;
  const excess = Math.max(0, handles.filter(isAlive).length - repository.maxPerUser);
  const gone = earlier.filter((handle) => !isAlive(handle));
  const ended = await endAll(repository, user, [...gone, ...earlier.filter(isAlive).slice(0, excess)]);
  for (let number = 0; number < ended; number++) repository.tell({ type: 'revoked' });
}
