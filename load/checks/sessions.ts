import type { Operation } from '../history.ts';

/** The operations of one session, in the order in which they began, and what its other checks need to know of them. */
export interface Session {
  name: string;
  user: string;
  operations: Operation[];
  /** The first login that was acknowledged. */
  login: Operation | undefined;
  /** When somebody first asked to end it; Infinity where nobody did. What overlaps that may see it or not. */
  endAskedAt: number;
  /** When it was known to have ended: the logout was acknowledged. Infinity where it never was. */
  endKnownAt: number;
  /** The logout that says so. */
  logout: Operation | undefined;
  /** Logouts that were told that nobody is logged in. */
  refusals: Operation[];
}

/** Sorts a history by session. A `logout-everywhere` belongs to every session that it ends. */
export function sessionsOf(operations: Operation[]): Session[] {
  const sessions = new Map<string, Session>();
  const sessionOf = (name: string) => {
    let session = sessions.get(name);
    if (!session) {
      const user = name.slice(0, name.lastIndexOf('.'));
      session = {
        name,
        user,
        operations: [],
        login: undefined,
        endAskedAt: Infinity,
        endKnownAt: Infinity,
        logout: undefined,
        refusals: [],
      };
      sessions.set(name, session);
    }
    return session;
  };
  for (const operation of operations) {
    sessionOf(operation.session).operations.push(operation);
    for (const ended of endedBy(operation)) end(sessionOf(ended), operation);
  }
  for (const session of sessions.values()) {
    session.operations.sort((a, b) => a.start - b.start);
    session.login = session.operations.find(({ kind, outcome }) => kind === 'login' && outcome === 'ok');
  }
  return [...sessions.values()];
}

function endedBy({ kind, session, ends = [] }: Operation): string[] {
  return kind === 'logout' ? [session] : kind === 'logout-everywhere' ? [session, ...ends] : [];
}

/** It was told by the only replica that was asked that nobody is logged in: it has ended nothing. */
function isTooLate({ status, tries }: Operation): boolean {
  return status === 401 && tries === 1;
}

function end(session: Session, logout: Operation): void {
  if (logout.status === 401) session.refusals.push(logout);
  if (isTooLate(logout)) return;
  if (logout.outcome !== 'fail') session.endAskedAt = Math.min(session.endAskedAt, logout.start);
  if (logout.outcome !== 'ok' || logout.end >= session.endKnownAt) return;
  session.endKnownAt = logout.end;
  session.logout = logout;
}

/** One write, however often it was sent: the repeats of an Idempotency-Key take effect once. */
export interface Write {
  value: number;
  start: number;
  /** When it was first acknowledged; Infinity where it never was. */
  end: number;
  outcome: Operation['outcome'];
  operation: Operation;
}

/** The writes of one kind, by value. What overlaps the end of the session is left out: it may go either way. */
export function writesOf({ operations, endAskedAt }: Session, kind: Operation['kind']): Map<number, Write> {
  const writes = new Map<number, Write>();
  for (const operation of operations) {
    if (operation.kind !== kind || operation.value === undefined) continue;
    const { value, start, outcome } = operation;
    const isSure = outcome === 'ok' && operation.end <= endAskedAt;
    // Refused by a session that has ended meanwhile: nginx may have asked a second replica, after the first had done it.
    const isRefused = operation.status === 401 && operation.end > endAskedAt;
    const seen = (outcome === 'ok' && !isSure) || isRefused ? 'unknown' : outcome;
    const write: Write = { value, start, end: isSure ? operation.end : Infinity, outcome: seen, operation };
    const before = writes.get(value);
    writes.set(value, before ? repeated(before, write) : write);
  }
  return writes;
}

function repeated(first: Write, again: Write): Write {
  const rank = { ok: 2, unknown: 1, fail: 0 };
  const better = rank[again.outcome] > rank[first.outcome] ? again : first;
  return { ...better, start: first.start, end: Math.min(first.end, again.end) };
}

/** What an answer showed. */
export interface Read {
  saw: (number | string)[];
  start: number;
  end: number;
  operation: Operation;
}

/** The answers that overlap the session's end: whether they show a change may go either way. */
export function lateAnswersOf({ operations, endAskedAt }: Session, kinds: Operation['kind'][]): Operation[] {
  return operations.filter(({ kind, saw, outcome, end }) => {
    return kinds.includes(kind) && saw && outcome === 'ok' && end > endAskedAt;
  });
}

/**
 * The answers that showed the cart (or the preference), but for those that overlap the session's end. The answer to a
 * repeated write may be the first one's, which was kept, so its time begins with the first.
 */
export function readsOf({ operations, endAskedAt }: Session, kinds: Operation['kind'][]): Read[] {
  const reads: Read[] = [];
  const starts = new Map<number, number>();
  for (const operation of operations) {
    const { id, saw, kind, end, outcome, repeats } = operation;
    if (!kinds.includes(kind)) continue;
    const isWrite = operation.value !== undefined;
    const start = isWrite ? Math.min(operation.start, starts.get(repeats ?? id) ?? Infinity) : operation.start;
    starts.set(id, start);
    if (saw && outcome === 'ok' && end <= endAskedAt) reads.push({ saw, start, end, operation });
  }
  return reads;
}
