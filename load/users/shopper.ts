import { setTimeout as sleep } from 'node:timers/promises';
import type { Kind, Operation } from './history.ts';
import type { Mix } from './mix.ts';
import type { Details, Visit, Witness } from './witness.ts';

export interface User {
  id: string;
  visits: number;
  visit: UserVisit;
  /** The last visit that ended with an acknowledged logout, and the cookie that it had. */
  past: { visit: UserVisit; cookie: string } | undefined;
  /** The site took it for itself when it last asked, or logged in. */
  isWhole: boolean;
  losses: Losses;
  random: () => number;
}

/** What a user was told and what it found missing later, as far as it looks while it is busy. The checks look closer. */
export interface Losses {
  /** Sessions that were somebody else's, or nobody's, before the user logged out. */
  sessions: number;
  /** Adds that were acknowledged. */
  writes: number;
  /** Those of them that a later look at the cart did not show. */
  writesLost: number;
}

export interface UserVisit extends Visit {
  added: number;
  preferred: number;
  /** Articles are removed as well. */
  isTidy: boolean;
  inCart: number[];
  /** Of those in the cart, what a look at it did not show. */
  missing: Set<number>;
  isLoggedIn: boolean;
  isLost: boolean;
}

const writing = new Set<Kind>(['add', 'remove', 'prefer']);
/** A session has a bound of 16 KiB. */
const mostAdds = 150;
/** How long a user tries what it must know. */
const patienceMs = 15_000;

export const noLosses = (): Losses => ({ sessions: 0, writes: 0, writesLost: 0 });

export function newVisit(user: string, number: number, random: () => number): UserVisit {
  const isTidy = random() < 0.1;
  const nothing = { added: 0, preferred: 0, inCart: [], missing: new Set<number>(), isLoggedIn: false, isLost: false };
  return { session: `${user}.${number}`, cookie: '', isTidy, ...nothing };
}

/** Counts each article that is not there once. What is being removed may be there or not. */
function missIn({ losses }: User, { missing, inCart }: UserVisit, expected: number[], saw: (number | string)[]): void {
  const shown = new Set(saw);
  const before = missing.size;
  for (const value of expected) if (!shown.has(value) && inCart.includes(value)) missing.add(value);
  losses.writesLost += missing.size - before;
}

/** What users can do. */
export function createActs(witness: Witness, mix: Mix) {
  /**
   * A connection that was just being closed tells nothing: browsers repeat such a request by themselves, where that is safe,
   * until they come to one that is open or new (Chromium's HttpNetworkTransaction::ShouldResendRequest).
   */
  async function operate(user: User, visit: UserVisit, kind: Kind, details: Details = {}) {
    const isSure = () => kind === 'cart' && !details.cookie && visit.isLoggedIn; // while it logs out, either way is right
    const expected = isSure() ? [...visit.inCart] : [];
    let operation = await witness.operate(visit, kind, details);
    const isRepeatable = mix.keys || !(kind in { login: 0, add: 0, prefer: 0, logout: 0 });
    while (operation.error === 'closed' && isRepeatable) {
      operation = await witness.operate(visit, kind, { ...details, repeats: operation });
    }
    if (
      kind === 'profile' &&
      operation.outcome === 'ok' &&
      !details.cookie &&
      visit === user.visit &&
      visit.isLoggedIn
    ) {
      user.isWhole = operation.sawUser === user.id;
      if (!user.isWhole && !visit.isLost) user.losses.sessions += 1;
      visit.isLost ||= !user.isWhole;
    }
    if (operation.outcome === 'ok' && isSure()) missIn(user, visit, expected, operation.saw ?? []);
    return operation;
  }

  /** Repeats it, with the same Idempotency-Key, until it is done. False where it was not within their patience. */
  async function insist(user: User, visit: UserVisit, kind: Kind, details: Details = {}) {
    const giveUpAt = performance.now() + patienceMs;
    let operation = await operate(user, visit, kind, details);
    // A logout that was repeated and is answered 401: the one before has ended the session.
    const isGone = () => kind.startsWith('logout') && operation.status === 401 && operation.repeats !== undefined;
    const isDone = () => operation.outcome === 'ok' || isGone();
    while (!isDone() && performance.now() < giveUpAt) {
      await sleep(250);
      operation = await operate(user, visit, kind, { ...details, repeats: operation });
    }
    return isDone();
  }

  async function add(user: User, visit: UserVisit) {
    const value = ++visit.added;
    const operation = await operate(user, visit, 'add', { value });
    if (operation.outcome === 'ok') {
      visit.inCart.push(value);
      user.losses.writes += 1;
    } else await tryAgain(user, visit, 'add', operation);
  }

  /** Some press the button again. */
  async function tryAgain(user: User, visit: UserVisit, kind: Kind, operation: Operation) {
    const isWorthIt = operation.status === null || operation.status >= 500;
    if (!mix.keys || !isWorthIt || operation.id % 2 === 0) return;
    await sleep(100);
    await operate(user, visit, kind, {
      ...(operation.value !== undefined && { value: operation.value }),
      repeats: operation,
    });
  }

  async function act(user: User, visit: UserVisit, kind: Kind) {
    if (kind === 'add') return add(user, visit);
    if (kind === 'prefer') {
      const operation = await operate(user, visit, 'prefer', { value: ++visit.preferred });
      if (operation.outcome !== 'ok') await tryAgain(user, visit, 'prefer', operation);
      return;
    }
    if (kind === 'remove') {
      await operate(user, visit, 'remove', { value: visit.inCart.pop() as number });
      return;
    }
    await operate(user, visit, kind);
  }

  function choose({ visit, random }: User): Kind {
    const { weights } = mix;
    if (visit.isTidy && visit.inCart.length > 0 && random() < 0.15) return 'remove';
    const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    let left = random() * total;
    const kind = (Object.keys(weights) as Kind[]).find((kind) => {
      left -= weights[kind] ?? 0;
      return left < 0;
    });
    return kind === undefined || (kind === 'add' && visit.added >= mostAdds) ? 'cart' : kind;
  }

  return {
    /** A new visit: sometimes a cart before the login, which stays; and the cookie from before it must open nothing. */
    async arrive(user: User) {
      user.visits += 1;
      const visit = newVisit(user.id, user.visits, user.random);
      user.visit = visit;
      const isShopping = user.random() < 0.3 && (mix.weights.add ?? 0) > 0;
      if (isShopping) await add(user, visit);
      const before = visit.cookie;
      visit.isLoggedIn = await insist(user, visit, 'login');
      user.isWhole = visit.isLoggedIn;
      if (before) await operate(user, visit, 'profile', { cookie: { is: 'before-login', value: before } });
    },

    /** A few things at once. */
    async turn(user: User) {
      const { visit, past, random } = user;
      const drawn = Array.from({ length: 1 + Math.floor(random() * mix.hands) }, () => choose(user));
      const firstWrite = drawn.findIndex((kind) => writing.has(kind));
      const kinds = mix.oneWriter ? drawn.filter((kind, index) => index === firstWrite || !writing.has(kind)) : drawn;
      const isCurious = past !== undefined && random() < 0.05;
      await Promise.all(kinds.map((kind) => act(user, visit, kind)));
      if (isCurious) await operate(user, past.visit, 'profile', { cookie: { is: 'logged-out', value: past.cookie } });
    },

    /** Who it is and what it has, until it knows. */
    async look(user: User, isLast = false) {
      const { visit, past } = user;
      if (visit.isLoggedIn)
        for (const kind of ['profile', 'cart', 'preferences'] as const) await insist(user, visit, kind);
      if (isLast && past)
        await insist(user, past.visit, 'profile', { cookie: { is: 'logged-out', value: past.cookie } });
    },

    /** Logs out, sometimes everywhere from another device, sometimes with something still under way; then tries the old cookie. */
    async leave(user: User) {
      const { visit, random } = user;
      const { cookie } = visit;
      const [isEverywhere, isBusy] = [random() < 0.15, random() < 0.4 && !mix.oneWriter];
      const kinds = isBusy ? [choose(user), choose(user)] : [];
      visit.isLoggedIn = false; // from here on it may be seen either way
      const others = Promise.all(kinds.map((kind) => act(user, visit, kind)));
      const isOut = isEverywhere ? await leaveEverywhere(user, visit) : await insist(user, visit, 'logout');
      await others;
      if (!isOut) return;
      user.past = { visit, cookie };
      await operate(user, visit, 'profile', { cookie: { is: 'logged-out', value: cookie } });
      await operate(user, visit, 'cart', { cookie: { is: 'logged-out', value: cookie } });
    },
  };

  async function leaveEverywhere(user: User, visit: UserVisit) {
    user.visits += 1;
    const device = newVisit(user.id, user.visits, user.random);
    if (!(await insist(user, device, 'login'))) return false;
    const { cookie } = device;
    const isOut = await insist(user, device, 'logout-everywhere', { ends: [visit.session] });
    if (isOut) await operate(user, device, 'profile', { cookie: { is: 'logged-out', value: cookie } });
    return isOut;
  }
}
