import type { Kind, Operation } from '../history.ts';

/** 26,460 */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 session`, `26,460 sessions` */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A duration: `8.4 ms`, `312 ms`, `1.24 s`. */
export function duration(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** A moment of the run: `12.431 s`. */
export function moment(ms: number, digits = 3): string {
  return `${(ms / 1000).toFixed(digits)} s`;
}

/** `a`, `a and b`, `a, b and c` */
export function list(words: string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** With a capital letter first. */
export function capitalise(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

/** One request in plain words: `add of article 17 → replica-2 answered 201 after 8.4 ms (ok), showing 3, 17`. */
export function describeOperation(operation: Operation): string {
  const { kind, value, cookie, repeats, ends } = operation;
  const request = [
    requestWords[kind](value),
    ends && ends.length > 0 ? `, ending ${list(ends)}` : '',
    cookie ? `, with a cookie ${cookie === 'logged-out' ? 'that was logged out' : 'from before the login'}` : '',
    repeats === undefined ? '' : `, repeating request ${repeats}`,
  ].join('');
  return `${request} → ${describeAnswer(operation)}${describeSight(operation)}${describeLog(operation)}`;
}

const requestWords: Record<Kind, (value: number | undefined) => string> = {
  login: () => 'login',
  add: (value) => `add of article ${value}`,
  remove: (value) => `removal of article ${value}`,
  cart: () => 'look at the cart',
  prefer: (value) => `choice of preference ${value}`,
  preferences: () => 'look at the preferences',
  profile: () => 'look at the profile',
  whoami: () => 'question who answers',
  logout: () => 'logout',
  'logout-everywhere': () => 'logout everywhere',
};

const outcomeWords = { ok: 'ok', fail: 'failed', unknown: 'unknown: it may have happened' };

function describeAnswer({ status, replica, outcome, error, start, end }: Operation): string {
  const after = duration(end - start);
  const answer =
    status === null
      ? `no answer for ${after}${error ? `, ${error}` : ''}`
      : `${replica ?? 'nginx'} answered ${status} after ${after}`;
  return `${answer} (${outcomeWords[outcome]})`;
}

function describeLog({ status, logged }: Operation): string {
  if (logged === undefined || logged === status) return '';
  return `; nginx logged ${logged === null ? 'no such request' : logged}`;
}

const mostSeen = 12;

/** What the answer showed. Of a long cart the end alone: what is missing is missing there. */
function describeSight({ saw, sawUser, ids }: Operation): string {
  const hidden = saw ? Math.max(0, saw.length - mostSeen) : 0;
  const shown = saw?.slice(hidden).join(', ');
  return [
    saw?.length === 0 ? ', showing nothing' : '',
    saw && saw.length > 0 ? `, showing ${hidden > 0 ? `${count(hidden)} others, then ` : ''}${shown}` : '',
    sawUser === undefined ? '' : `, for ${sawUser ?? 'nobody'}`,
    ids ? `, session id ${ids[0] ?? 'none'} before and ${ids[1] ?? 'none'} after` : '',
  ].join('');
}
