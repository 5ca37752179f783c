import type { FaultRecord, History, Operation, StreamRecord } from '../users/history.ts';
import { recoveryMs } from '../users/outcome.ts';
import { type Findings, secondsOf } from './findings.ts';
import type { Session } from './sessions.ts';

/** Checks whom the responses were for: lost sessions, undone logouts, leaks. One violation per session and check. */
export function checkIdentity(session: Session, findings: Findings): void {
  const profiles = session.operations.filter(
    ({ observedUser, outcome }) => observedUser !== undefined && outcome === 'ok',
  );
  checkLost(session, profiles, findings);
  checkUndoneLogout(session, profiles, findings);
  const leak = profiles.find(({ observedUser }) => typeof observedUser === 'string' && observedUser !== session.user);
  if (!leak) return;
  const summary = `${session.user} was answered as ${leak.observedUser} by ${leak.replica}`;
  findings.add('leak', { summary, operations: [...(session.login ? [session.login] : []), leak] });
}

/** A session is lost if a user who logged in and did not log out is answered as logged out. */
function checkLost({ name, login, endAskedAt }: Session, profiles: Operation[], findings: Findings): void {
  if (!login) return;
  const loggedOut = profiles.find(({ observedUser, cookie, start, end }) => {
    return observedUser === null && cookie === undefined && start > login.end && end < endAskedAt;
  });
  if (!loggedOut) return;
  const later = secondsOf(loggedOut.start - login.end);
  const summary = `${name} was logged in by ${login.replica}; ${later} later ${loggedOut.replica} answered: not logged in`;
  findings.add('lost-session', { summary, operations: [login, loggedOut] });
}

/**
 * A logout is undone if the session's cookie opens it after it was known to have ended: acknowledged, or observed. A
 * repeated logout that is refused as logged out shows that too.
 */
function checkUndoneLogout(session: Session, profiles: Operation[], findings: Findings): void {
  let known = { at: session.endKnownAt, by: session.logout };
  for (const refused of session.refusals) {
    const isEnded = refused.start > session.endAskedAt || (refused.upstreamTries ?? 0) > 1;
    if (isEnded && refused.end < known.at) known = { at: refused.end, by: refused };
  }
  for (const profile of profiles) {
    const isEnded =
      profile.observedUser === null && profile.cookie !== 'before-login' && profile.start > session.endAskedAt;
    if (isEnded && profile.end < known.at) known = { at: profile.end, by: profile };
  }
  const isBack = ({ observedUser, cookie, start }: Operation) =>
    observedUser && cookie !== 'before-login' && start > known.at;
  const showsCart = ({ observed = [], cookie, start }: Operation) =>
    observed.length > 0 && cookie === 'logged-out' && start > known.at;
  const back = profiles.find(isBack) ?? session.operations.find(showsCart);
  if (!back || !known.by) return;
  const later = secondsOf(back.start - known.at);
  const summary = `${session.name} was logged out by ${known.by.replica}; ${later} later ${back.replica} ${back.observedUser ? `answered as ${back.observedUser}` : 'showed its cart'}`;
  findings.add('undone-logout', { summary, operations: [known.by, back] });
}

/** The id must change at login, and the old one must open nothing: otherwise an attacker who planted it is logged in. */
export function checkIds({ name, user, operations, login }: Session, findings: Findings): void {
  if (!login) return;
  const kept = operations.find(
    ({ kind, sessionIds }) =>
      kind === 'login' && sessionIds && sessionIds[0] !== null && sessionIds[0] === sessionIds[1],
  );
  if (kept)
    findings.add('session-fixation', {
      summary: `${name} has the same session id after its login`,
      operations: [kept],
    });
  const opened = operations.find(({ cookie, observedUser, start }) => {
    return cookie === 'before-login' && observedUser === user && start > login.end;
  });
  if (!opened) return;
  const summary = `${name}: the cookie from before the login opens the session at ${opened.replica}`;
  findings.add('session-fixation', { summary, operations: [login, opened] });
}

/** A stream that was open when its session was logged out, or opened later. */
interface StreamToEnd {
  stream: StreamRecord;
  session: Session;
  /** How long it was open after the session was known to have ended. */
  openMs: number;
}

/** A stream ends so soon after its session. */
const endMs = 1000;
/** A replica notices within 2 s that it hears nothing from Redis, and 5 s later it ends what is open. */
const blindEndMs = 7500;

export function streamsToEnd({ streams = [] }: History, sessions: Session[]): StreamToEnd[] {
  const byName = new Map(sessions.map((session) => [session.name, session]));
  return streams.flatMap((stream) => {
    const session = byName.get(stream.session);
    if (!session || session.endKnownAt === Infinity || stream.end < session.endAskedAt) return [];
    return { stream, session, openMs: Math.max(0, stream.end - Math.max(stream.start, session.endKnownAt)) };
  });
}

/**
 * While a fault keeps the replica of a stream, or nginx, or Redis from hearing of the end, the stream has the time after which
 * a replica gives up.
 */
export function checkStreams(streams: StreamToEnd[], { faults }: History, findings: Findings): void {
  for (const { stream, session, openMs } of streams) {
    const { replica, end, wasOpen } = stream;
    const from = end - openMs;
    const isHindered = faults.some((fault) => overlaps(fault, from, end) && reaches(fault, replica));
    if (openMs <= (isHindered ? blindEndMs : endMs)) continue;
    const how = wasOpen ? 'was still open' : 'ended';
    const summary = `${session.name} was logged out, and its stream from ${replica ?? 'an unknown replica'} ${how} ${secondsOf(openMs)} later`;
    findings.add('outliving-stream', { summary, operations: session.logout ? [session.logout] : [] });
  }
}

function overlaps({ start, end }: FaultRecord, from: number, to: number): boolean {
  return start <= to && (end ?? Infinity) + recoveryMs >= from;
}

function reaches({ targets }: FaultRecord, replica: string | null): boolean {
  return targets.some((target) => target === 'redis' || target === 'nginx' || target === replica);
}
