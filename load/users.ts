import { setTimeout as sleep } from 'node:timers/promises';
import { createActs, type Losses, newVisit, noLosses, type User } from './acts.ts';
import type { Mix } from './mix.ts';
import { createRandom } from './random.ts';
import type { Witness } from './witness.ts';

export interface Users {
  /** Users whose last answer to "who am I" was right. */
  whole(): number;
  /** Of all of them together. */
  losses(): Losses;
  /** Their session cookies, as Cookie headers. */
  cookies(): string[];
  /** Everybody begins a first visit. */
  logIn(): Promise<void>;
  /** They go on with what visitors do, visit after visit, until the signal aborts. */
  stayBusy(until: AbortSignal): Promise<void>;
  /** Each looks once more at who it is and what it has: without this, losses hide. */
  lookAgain(): Promise<void>;
}

/**
 * Makes users who together do about `rate` requests a second.
 *
 * Each has random numbers of its own, that follow from the seed: what one does does not depend on who is faster. Two
 * crowds at one site must not share names: `firstNumber` is where theirs begin.
 */
export function createUsers(
  witness: Witness,
  count: number,
  seed: number,
  rate: number,
  mix: Mix,
  firstNumber = 1,
): Users {
  const users = Array.from({ length: count }, (_, index): User => {
    const id = `user-${String(index + firstNumber).padStart(4, '0')}`;
    const random = createRandom(seed + index);
    return {
      id,
      visits: 0,
      visit: newVisit(id, 1, random),
      past: undefined,
      isWhole: false,
      losses: noLosses(),
      random,
    };
  });
  const meanTurn = (1 + mix.hands) / 2;
  const thinkMs = (count * meanTurn * 1000) / rate;
  const act = createActs(witness, mix);

  /** One visit from the login to the logout, or until the run ends. */
  async function visit(user: User, until: AbortSignal) {
    const turns = Math.round(mix.turns * (0.5 + user.random()));
    for (let turn = 0; turn < turns; turn++) {
      await act.turn(user);
      await sleep(thinkMs * (0.5 + user.random()), undefined, { signal: until }).catch(() => {});
      if (until.aborted) return;
    }
    await act.look(user);
    await act.leave(user);
  }

  return {
    whole: () => users.filter(({ isWhole }) => isWhole).length,
    losses() {
      const sum = (name: keyof Losses) => users.reduce((sum, { losses }) => sum + losses[name], 0);
      return { sessions: sum('sessions'), writes: sum('writes'), writesLost: sum('writesLost') };
    },
    cookies: () => users.map(({ visit }) => visit.cookie),
    logIn: () => Promise.all(users.map((user) => act.arrive(user))).then(() => {}),
    async stayBusy(until) {
      await Promise.all(
        users.map(async (user) => {
          await sleep(thinkMs * user.random(), undefined, { signal: until }).catch(() => {});
          while (!until.aborted) {
            await visit(user, until);
            if (!until.aborted) await act.arrive(user);
          }
        }),
      );
    },
    lookAgain: () => Promise.all(users.map((user) => act.look(user, true))).then(() => {}),
  };
}
