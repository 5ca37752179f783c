import { pause } from '../../deploy/fleet/wait.ts';
import type { Kind, Operation } from './history.ts';
import type { Streams } from './streams.ts';
import type { Details, Visit, Witness } from './witness.ts';
import type { Workload } from './workload.ts';

export interface User {
  id: string;
  visits: number;
  visit: UserVisit;
  /** The last visit that ended with an acknowledged logout, and its cookie. */
  past: { visit: UserVisit; cookie: string } | undefined;
  /** The site recognised the user when it last asked, or logged in. */
  isIntact: boolean;
  losses: Losses;
  random: () => number;
}

/** What was acknowledged to a user and later missing, as far as it notices while it is busy. The checks look closer. */
export interface Losses {
  /** Sessions that were another user's, or logged out, before the user logged out. */
  sessions: number;
  /** Acknowledged adds. */
  writes: number;
  /** Acknowledged adds that a later read of the cart did not show. */
  writesLost: number;
}

export interface UserVisit extends Visit {
  added: number;
  preferred: number;
  /** This visit also removes items. */
  isTidy: boolean;
  inCart: number[];
  /** Items that should be in the cart and that a read did not show. */
  missing: Set<number>;
  isLoggedIn: boolean;
  isLost: boolean;
}

const writing = new Set<Kind>(['add', 'remove', 'prefer']);
/** A session is limited to 16 KiB. */
const maxAdds = 150;
/** How long a user repeats a request whose result it needs. */
const patienceMs = 15_000;

export const noLosses = (): Losses => ({ sessions: 0, writes: 0, writesLost: 0 });

export function newVisit(user: string, number: number, random: () => number): UserVisit {
  const isTidy = random() < 0.1;
  const nothing = { added: 0, preferred: 0, inCart: [], missing: new Set<number>(), isLoggedIn: false, isLost: false };
  return { session: `${user}.${number}`, cookie: '', isTidy, ...nothing };
}

/** Counts each missing item once. An item that is being removed may be there or not. */
function countMissing(
  { losses }: User,
  { missing, inCart }: UserVisit,
  expected: number[],
  observed: (number | string)[],
): void {
  const shown = new Set(observed);
  const before = missing.size;
  for (const value of expected) if (!shown.has(value) && inCart.includes(value)) missing.add(value);
  losses.writesLost += missing.size - before;
}

/** What a user of the shop can do. */
export function createShopper(witness: Witness, workload: Workload, down?: AbortSignal, streams?: Streams) {
  /**
   * Sends a request, and again if it met a connection that the server was just closing: browsers do the same if it is safe,
   * until they reach an open or new connection (Chromium's HttpNetworkTransaction::ShouldResendRequest).
   */
  async function operate(user: User, visit: UserVisit, kind: Kind, details: Details = {}) {
    const isSure = () => kind === 'cart' && !details.cookie && visit.isLoggedIn; // while it logs out, both results are right
    const expected = isSure() ? [...visit.inCart] : [];
    let operation = await witness.operate(visit, kind, details);
    const isRepeatable = workload.keys || !(kind in { login: 0, add: 0, prefer: 0, logout: 0 });
    while (operation.error === 'closed' && isRepeatable) {
      operation = await witness.operate(visit, kind, { ...details, repeatOf: operation });
    }
    if (
      kind === 'profile' &&
      operation.outcome === 'ok' &&
      !details.cookie &&
      visit === user.visit &&
      visit.isLoggedIn
    ) {
      user.isIntact = operation.observedUser === user.id;
      if (!user.isIntact && !visit.isLost) user.losses.sessions += 1;
      visit.isLost ||= !user.isIntact;
    }
    if (operation.outcome === 'ok' && isSure()) countMissing(user, visit, expected, operation.observed ?? []);
    return operation;
  }

  /** Repeats a request with the same Idempotency-Key until it is done. @returns false if that takes too long */
  async function insist(user: User, visit: UserVisit, kind: Kind, details: Details = {}) {
    const deadline = performance.now() + patienceMs;
    let operation = await operate(user, visit, kind, details);
    // A repeated logout that gets 401: the first one ended the session.
    const isGone = () => kind.startsWith('logout') && operation.status === 401 && operation.repeatOf !== undefined;
    const isDone = () => operation.outcome === 'ok' || isGone();
    while (!isDone() && performance.now() < deadline && !down?.aborted) {
      await pause(250);
      operation = await operate(user, visit, kind, { ...details, repeatOf: operation });
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

  /** Every second user presses the button again. */
  async function tryAgain(user: User, visit: UserVisit, kind: Kind, operation: Operation) {
    const isWorthIt = operation.status === null || operation.status >= 500;
    if (!workload.keys || !isWorthIt || operation.id % 2 === 0) return;
    await pause(100);
    await operate(user, visit, kind, {
      ...(operation.value !== undefined && { value: operation.value }),
      repeatOf: operation,
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
    const { weights } = workload;
    if (visit.isTidy && visit.inCart.length > 0 && random() < 0.15) return 'remove';
    const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    let left = random() * total;
    const kind = (Object.keys(weights) as Kind[]).find((kind) => {
      left -= weights[kind] ?? 0;
      return left < 0;
    });
    return kind === undefined || (kind === 'add' && visit.added >= maxAdds) ? 'cart' : kind;
  }

  return {
    /** Starts a visit: sometimes with a cart before the login, which must stay; the cookie from before must open nothing. */
    async arrive(user: User) {
      user.visits += 1;
      const visit = newVisit(user.id, user.visits, user.random);
      user.visit = visit;
      const isShopping = user.random() < 0.3 && (workload.weights.add ?? 0) > 0;
      if (isShopping) await add(user, visit);
      const before = visit.cookie;
      visit.isLoggedIn = await insist(user, visit, 'login');
      user.isIntact = visit.isLoggedIn;
      if (visit.isLoggedIn) streams?.follow(visit);
      if (before) await operate(user, visit, 'profile', { cookie: { is: 'before-login', value: before } });
    },

    /** Sends a few requests at once. */
    async step(user: User) {
      const { visit, past, random } = user;
      const drawn = Array.from({ length: 1 + Math.floor(random() * workload.concurrency) }, () => choose(user));
      const firstWrite = drawn.findIndex((kind) => writing.has(kind));
      const kinds = workload.singleWriter
        ? drawn.filter((kind, index) => index === firstWrite || !writing.has(kind))
        : drawn;
      const isCurious = past !== undefined && random() < 0.05;
      await Promise.all(kinds.map((kind) => act(user, visit, kind)));
      if (isCurious) await operate(user, past.visit, 'profile', { cookie: { is: 'logged-out', value: past.cookie } });
    },

    /** Reads who the user is and what it has, until the site answers. */
    async look(user: User, isLast = false) {
      const { visit, past } = user;
      if (visit.isLoggedIn)
        for (const kind of ['profile', 'cart', 'preferences'] as const) await insist(user, visit, kind);
      if (isLast && past)
        await insist(user, past.visit, 'profile', { cookie: { is: 'logged-out', value: past.cookie } });
    },

    /** Logs out, sometimes everywhere from another device, sometimes with requests under way; then tries the old cookie. */
    async leave(user: User) {
      const { visit, random } = user;
      const { cookie } = visit;
      const [isEverywhere, isBusy] = [random() < 0.15, random() < 0.4 && !workload.singleWriter];
      const kinds = isBusy ? [choose(user), choose(user)] : [];
      visit.isLoggedIn = false; // from here on both results are right
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
    const isOut = await insist(user, device, 'logout-everywhere', { endsSessions: [visit.session] });
    if (isOut) await operate(user, device, 'profile', { cookie: { is: 'logged-out', value: cookie } });
    return isOut;
  }
}
