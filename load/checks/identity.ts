import type { Operation } from '../history.ts';
import { type Findings, secondsOf } from './findings.ts';
import type { Session } from './sessions.ts';

/** Whom the answers were for: lost sessions, undone logouts, leaks. One violation a session and check. */
export function checkIdentity(session: Session, findings: Findings): void {
  const profiles = session.operations.filter(({ sawUser, outcome }) => sawUser !== undefined && outcome === 'ok');
  checkLost(session, profiles, findings);
  checkUndoneLogout(session, profiles, findings);
  const leak = profiles.find(({ sawUser }) => typeof sawUser === 'string' && sawUser !== session.user);
  if (!leak) return;
  const words = `${session.user} was answered as ${leak.sawUser} by ${leak.replica}`;
  findings.add('leak', { words, operations: [...(session.login ? [session.login] : []), leak] });
}

/** A session is lost where a user who logged in, and had not asked to be logged out, is answered as nobody. */
function checkLost({ name, login, endAskedAt }: Session, profiles: Operation[], findings: Findings): void {
  if (!login) return;
  const nobody = profiles.find(({ sawUser, cookie, start, end }) => {
    return sawUser === null && cookie === undefined && start > login.end && end < endAskedAt;
  });
  if (!nobody) return;
  const later = secondsOf(nobody.start - login.end);
  const words = `${name} was logged in by ${login.replica}; ${later} later ${nobody.replica} answered: nobody is logged in`;
  findings.add('lost-session', { words, operations: [login, nobody] });
}

/**
 * A logout is undone where the session's cookie opens it after it was known to have ended: acknowledged, or seen. That a
 * repeated logout is refused, because nobody is logged in, shows it too.
 */
function checkUndoneLogout(session: Session, profiles: Operation[], findings: Findings): void {
  let [knownAt, known] = [session.endKnownAt, session.logout];
  for (const refused of session.refusals) {
    const isEnded = refused.start > session.endAskedAt || (refused.tries ?? 0) > 1;
    if (isEnded && refused.end < knownAt) [knownAt, known] = [refused.end, refused];
  }
  for (const profile of profiles) {
    const isEnded = profile.sawUser === null && profile.cookie !== 'before-login' && profile.start > session.endAskedAt;
    if (isEnded && profile.end < knownAt) [knownAt, known] = [profile.end, profile];
  }
  const isBack = ({ sawUser, cookie, start }: Operation) => sawUser && cookie !== 'before-login' && start > knownAt;
  const showsCart = ({ saw = [], cookie, start }: Operation) =>
    saw.length > 0 && cookie === 'logged-out' && start > knownAt;
  const back = profiles.find(isBack) ?? session.operations.find(showsCart);
  if (!back || !known) return;
  const later = secondsOf(back.start - knownAt);
  const words = `${session.name} was told by ${known.replica} that it is logged out; ${later} later ${back.replica} ${back.sawUser ? `answered as ${back.sawUser}` : 'showed its cart'}`;
  findings.add('undone-logout', { words, operations: [known, back] });
}

/** The id must change at a login, and the one from before must open nothing: else somebody who planted it is in. */
export function checkIds({ name, user, operations, login }: Session, findings: Findings): void {
  if (!login) return;
  const kept = operations.find(({ kind, ids }) => kind === 'login' && ids && ids[0] !== null && ids[0] === ids[1]);
  if (kept) findings.add('kept-id', { words: `${name} has the same session id after its login`, operations: [kept] });
  const opened = operations.find(({ cookie, sawUser, start }) => {
    return cookie === 'before-login' && sawUser === user && start > login.end;
  });
  if (!opened) return;
  const words = `${name}: the cookie from before the login opens the session at ${opened.replica}`;
  findings.add('kept-id', { words, operations: [login, opened] });
}
