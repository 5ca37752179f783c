import type { History } from './history.ts';
import type { Live } from './live.ts';
import type { Mix } from './mix.ts';
import { watchPauses } from './pauses.ts';
import { createUsers, type Users } from './users.ts';
import { createWitness, type Witness } from './witness.ts';

export interface CrowdOptions {
  url: string;
  users: number;
  /** Requests a second that the users do together, about. */
  rate: number;
  mix: Mix;
  seed: number;
  /** Where the names of these users begin: two crowds at one site must not share them. */
  firstNumber?: number;
  /** The store promises that a 503 changed nothing, unless it says that it does not know. */
  promises: boolean;
}

/** Users at a site, and what is seen of them: what every run has, whoever breaks the site. */
export interface Crowd {
  readonly witness: Witness;
  readonly users: Users;
  /** Milliseconds since the run began, to the microsecond. */
  now(): number;
  /**
   * They log in, are busy for as long as `meanwhile` takes, and look again. An error on the way ends that and is kept: what
   * they have been told until then is worth a history.
   */
  spend(live: Live, state: () => string, meanwhile: () => Promise<void>): Promise<void>;
  /** What the history says of them. */
  record(): Pick<History, 'seed' | 'users' | 'startedAt' | 'invoked' | 'operations' | 'pauses' | 'problem'>;
  close(): Promise<void>;
}

/** Of all users together, as browsers behind a few proxies have them. */
export const connections = 48;

export function createCrowd(options: CrowdOptions): Crowd {
  const { url, users: count, rate, mix, seed, firstNumber, promises } = options;
  const origin = performance.now();
  const startedAt = new Date().toISOString();
  const now = () => Math.round((performance.now() - origin) * 1000) / 1000;
  const witness = createWitness({ url, connections, keys: mix.keys, promises, now });
  const users = createUsers(witness, count, seed, rate, mix, firstNumber);
  const pauses = watchPauses(now);
  let problem: string | undefined;

  async function spend(live: Live, state: () => string, meanwhile: () => Promise<void>) {
    await users.logIn();
    live.report(`${count} users are logged in; seed ${seed}`);
    const stop = live.follow(state);
    const over = new AbortController();
    const busy = users.stayBusy(over.signal);
    busy.catch(() => {}); // it is waited for below
    try {
      await meanwhile();
    } finally {
      over.abort();
      await busy.finally(stop);
    }
    await users.lookAgain();
  }

  return {
    witness,
    users,
    now,
    async spend(live, state, meanwhile) {
      await spend(live, state, meanwhile).catch((err: Error) => {
        problem = err.message;
        live.report(`the run broke off: ${err.stack ?? problem}`);
      });
    },
    record() {
      const { operations, invoked } = witness;
      return { seed, users: count, startedAt, invoked, operations, pauses: pauses(), ...(problem && { problem }) };
    },
    async close() {
      pauses();
      await witness.close();
    },
  };
}
