import type { Operation } from '../history.ts';
import { byUser, type Violation } from './violation.ts';

/** A session is lost where a user who logged in, and never logged out, is answered as nobody. One violation a user. */
export function findLostSessions(operations: Operation[]): Violation[] {
  return findProfiles(
    operations,
    ({ sawUser }) => sawUser === null,
    (user, login, read) => {
      const seconds = ((read.start - login.end) / 1000).toFixed(1);
      return `${user} logged in at ${login.replica}; ${seconds} s later ${read.replica} answered: nobody is logged in`;
    },
  );
}

/** A leak is an answer that is for somebody else. One violation a user. */
export function findLeaks(operations: Operation[]): Violation[] {
  const isLeak = ({ user, sawUser }: Operation) => typeof sawUser === 'string' && sawUser !== user;
  return findProfiles(
    operations,
    isLeak,
    (user, _login, read) => `${user} was answered as ${read.sawUser} by ${read.replica}`,
  );
}

function findProfiles(
  operations: Operation[],
  isWrong: (operation: Operation) => boolean,
  words: (user: string, login: Operation, read: Operation) => string,
): Violation[] {
  const found: Violation[] = [];
  for (const [user, mine] of byUser(operations)) {
    const login = mine.find(({ kind, outcome }) => kind === 'login' && outcome === 'ok');
    if (!login) continue;
    const wrong = mine.find(
      (operation) => operation.kind === 'profile' && operation.start >= login.end && isWrong(operation),
    );
    if (wrong) found.push({ words: words(user, login, wrong), operations: [login, wrong] });
  }
  return found;
}
