import type { Operation } from '../users/history.ts';

/** The operations of one session, in order of their starts, and what the checks need to know about it. */
export interface Session {
  name: string;
  user: string;
  operations: Operation[];
  /** The first acknowledged login. */
  login: Operation | undefined;
  /** When its end was first requested; Infinity if never. Operations that overlap it may see the session or not. */
  endAskedAt: number;
  /** When it was known to have ended: the logout was acknowledged. Infinity if never. */
  endKnownAt: number;
  /** The acknowledged logout. */
  logout: Operation | undefined;
  /** Logouts that were refused because the session was logged out. */
  refusals: Operation[];
}

/** Groups a history by session. A `logout-everywhere` belongs to every session that it ends. */
export function sessionsOf(operations: Operation[]): Session[] {
  const sessions = new Map<string, Session>();
  const sessionOf = (name: string) => {
    const session = sessions.get(name) ?? createSession(name);
    sessions.set(name, session);
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

function createSession(name: string): Session {
  const user = name.slice(0, name.lastIndexOf('.'));
  const ends = { endAskedAt: Infinity, endKnownAt: Infinity, logout: undefined, refusals: [] };
  return { name, user, operations: [], login: undefined, ...ends };
}

function endedBy({ kind, session, endsSessions = [] }: Operation): string[] {
  return kind === 'logout' ? [session] : kind === 'logout-everywhere' ? [session, ...endsSessions] : [];
}

/** The only replica that was asked refused it as logged out: it ended nothing. */
function isTooLate({ status, upstreamTries }: Operation): boolean {
  return status === 401 && upstreamTries === 1;
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
  /** When it was first acknowledged; Infinity if never. */
  end: number;
  outcome: Operation['outcome'];
  operation: Operation;
}

/** The writes of one kind, by value. A write that overlaps the end of the session is unknown. */
export function writesOf({ operations, endAskedAt }: Session, kind: Operation['kind']): Map<number, Write> {
  const writes = new Map<number, Write>();
  for (const operation of operations) {
    if (operation.kind !== kind || operation.value === undefined) continue;
    const { value, start, outcome } = operation;
    const isSure = outcome === 'ok' && operation.end <= endAskedAt;
    // Refused by a session that has ended: nginx may have asked a second replica after the first one made the change.
    const isRefused = operation.status === 401 && operation.end > endAskedAt;
    const known = (outcome === 'ok' && !isSure) || isRefused ? 'unknown' : outcome;
    const write: Write = { value, start, end: isSure ? operation.end : Infinity, outcome: known, operation };
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

/** What a response showed. */
export interface Read {
  observed: (number | string)[];
  start: number;
  end: number;
  operation: Operation;
}

/** The responses that overlap the session's end: they may show a change or not. */
export function lateResponsesOf({ operations, endAskedAt }: Session, kinds: Operation['kind'][]): Operation[] {
  return operations.filter(({ kind, observed, outcome, end }) => {
    return kinds.includes(kind) && observed && outcome === 'ok' && end > endAskedAt;
  });
}

/**
 * The responses that showed the cart (or the preference), without those that overlap the session's end. The response to a
 * repeated write may be the stored one of the first, so its time starts with the first.
 */
export function readsOf({ operations, endAskedAt }: Session, kinds: Operation['kind'][]): Read[] {
  const reads: Read[] = [];
  const starts = new Map<number, number>();
  for (const operation of operations) {
    const { id, observed, kind, end, outcome, repeatOf } = operation;
    if (!kinds.includes(kind)) continue;
    const isWrite = operation.value !== undefined;
    const start = isWrite ? Math.min(operation.start, starts.get(repeatOf ?? id) ?? Infinity) : operation.start;
    starts.set(id, start);
    if (observed && outcome === 'ok' && end <= endAskedAt) reads.push({ observed, start, end, operation });
  }
  return reads;
}
