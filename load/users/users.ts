import { FleetError } from '../../deploy/fleet/fleet.ts';
import { pause } from '../../deploy/fleet/wait.ts';
import { createRandom } from './random.ts';
import { createShopper, type Losses, newVisit, noLosses, type User } from './shopper.ts';
import type { Streams } from './streams.ts';
import { createWitness, type Witness } from './witness.ts';
import { shopping, type Workload } from './workload.ts';

export interface Users {
  /** How many users had the right answer to their last "who am I". */
  intactCount(): number;
  /** Of all users together. */
  losses(): Losses;
  /** Their session cookies, as Cookie headers. */
  cookies(): string[];
  /** Starts the first visit of each user. */
  logIn(): Promise<void>;
  /** Does what visitors do, visit after visit, until the signal aborts. */
  stayBusy(until: AbortSignal): Promise<void>;
  /** Each user checks once more who it is and what it has: without this, losses stay hidden. */
  lookAgain(): Promise<void>;
}

export interface UsersOptions {
  count: number;
  /** Each user draws from its own random numbers, which follow from the seed: no user's choices depend on another's speed. */
  seed: number;
  /** Requests per second of all users together, about. */
  rate: number;
  workload: Workload;
  /** Once it aborts, no user repeats what failed. */
  down?: AbortSignal;
  /** What some of them keep open during a visit. */
  streams?: Streams;
  /** Number of the first user (1): two crowds at one site must not share names. */
  firstNumber?: number;
}

export function createUsers(witness: Witness, options: UsersOptions): Users {
  const { count, seed, rate, workload, firstNumber = 1, down, streams } = options;
  const users = Array.from({ length: count }, (_, index): User => {
    const id = `user-${String(index + firstNumber).padStart(4, '0')}`;
    const random = createRandom(seed + index);
    const visit = newVisit(id, 1, random);
    return { id, visits: 0, visit, past: undefined, isIntact: false, losses: noLosses(), random };
  });
  const requestsPerStep = (1 + workload.concurrency) / 2;
  const meanThinkMs = (count * requestsPerStep * 1000) / rate;
  // Exponential, and at most ten times the mean, as in TPC-W: users who have all waited for one replica do not come back in step.
  const thinkMs = ({ random }: User) => meanThinkMs * Math.min(10, -Math.log(1 - random()));
  const shopper = createShopper(witness, workload, down, streams);

  /** One visit from the login to the logout, or until the run ends. */
  async function visit(user: User, until: AbortSignal) {
    // Without a login, each of its concurrent requests would get a session of its own, and its items would look lost.
    if (!user.visit.isLoggedIn) return pause(thinkMs(user), until);
    const steps = Math.round(workload.stepsPerVisit * (0.5 + user.random()));
    for (let step = 0; step < steps; step++) {
      await shopper.step(user);
      await pause(thinkMs(user), until);
      if (until.aborted) return;
    }
    await shopper.look(user);
    await shopper.leave(user);
  }

  async function stayBusy(user: User, until: AbortSignal) {
    await pause(thinkMs(user), until);
    while (!until.aborted) {
      await visit(user, until);
      if (!until.aborted) await shopper.arrive(user);
    }
  }

  return {
    intactCount: () => users.filter(({ isIntact }) => isIntact).length,
    losses() {
      const sum = (name: keyof Losses) => users.reduce((sum, { losses }) => sum + losses[name], 0);
      return { sessions: sum('sessions'), writes: sum('writes'), writesLost: sum('writesLost') };
    },
    cookies: () => users.map(({ visit }) => visit.cookie),
    logIn: () => Promise.all(users.map((user) => shopper.arrive(user))).then(() => {}),
    stayBusy: (until) => Promise.all(users.map((user) => stayBusy(user, until))).then(() => {}),
    lookAgain: () => Promise.all(users.map((user) => shopper.look(user, true))).then(() => {}),
  };
}

/** Logs in this many users at a site. @returns their cookies @throws {FleetError} if a login fails */
export async function logInUsers(url: string, count: number): Promise<string[]> {
  const witness = createWitness({ url, connections: count, keys: true, promises: false, now: () => performance.now() });
  const users = createUsers(witness, { count, seed: 0, rate: 1, workload: shopping });
  await users.logIn().finally(() => witness.close());
  if (users.cookies().some((cookie) => cookie === '')) throw new FleetError(`not every user could log in at ${url}`);
  return users.cookies();
}
