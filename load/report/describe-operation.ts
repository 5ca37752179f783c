import { formatDuration, formatNumber, joinWords } from '../../web/format.ts';
import type { Kind, Operation } from '../users/history.ts';

/** One request as text: `add item 17 → replica-2 answered 201 after 8.4 ms (ok), showing 3, 17`. */
export function describeOperation(operation: Operation): string {
  const { kind, value, cookie, repeatOf, endsSessions } = operation;
  const request = [
    requestTexts[kind](value),
    endsSessions && endsSessions.length > 0 ? `, ending ${joinWords(endsSessions)}` : '',
    cookie ? `, with a cookie ${cookie === 'logged-out' ? 'of an ended session' : 'from before the login'}` : '',
    repeatOf === undefined ? '' : `, repeating request ${repeatOf}`,
  ].join('');
  return `${request} → ${describeResponse(operation)}${describeObservation(operation)}${describeLog(operation)}`;
}

const requestTexts: Record<Kind, (value: number | undefined) => string> = {
  login: () => 'login',
  add: (value) => `add item ${value}`,
  remove: (value) => `remove item ${value}`,
  cart: () => 'read the cart',
  prefer: (value) => `set preference ${value}`,
  preferences: () => 'read the preferences',
  profile: () => 'read the profile',
  whoami: () => 'ask who answers',
  logout: () => 'logout',
  'logout-everywhere': () => 'logout everywhere',
};

const outcomeTexts = { ok: 'ok', fail: 'failed', unknown: 'unknown' };

function describeResponse({ status, replica, outcome, error, start, end }: Operation): string {
  const after = formatDuration(end - start);
  const result =
    status === null
      ? `no response after ${after}${error ? `, ${error}` : ''}`
      : `${replica ?? 'nginx'} answered ${status} after ${after}`;
  return `${result} (${outcomeTexts[outcome]})`;
}

function describeLog({ status, loggedStatus }: Operation): string {
  if (loggedStatus === undefined || loggedStatus === status) return '';
  return `; nginx logged ${loggedStatus === null ? 'no such request' : loggedStatus}`;
}

const maxShown = 12;

/** What the response showed; of a long cart only the end, where missing items would be. */
function describeObservation({ observed, observedUser, sessionIds }: Operation): string {
  const hidden = observed ? Math.max(0, observed.length - maxShown) : 0;
  const shown = observed?.slice(hidden).join(', ');
  return [
    observed?.length === 0 ? ', showing nothing' : '',
    observed && observed.length > 0
      ? `, showing ${hidden > 0 ? `${formatNumber(hidden)} others, then ` : ''}${shown}`
      : '',
    observedUser === undefined ? '' : `, ${observedUser === null ? 'logged out' : `for ${observedUser}`}`,
    sessionIds ? `, session id ${sessionIds[0] ?? 'none'} before and ${sessionIds[1] ?? 'none'} after` : '',
  ].join('');
}
