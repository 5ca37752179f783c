import { FleetError } from '../../deploy/fleet/fleet.ts';
import { unlessAborted } from '../../deploy/fleet/wait.ts';
import type { Progress } from '../run/progress.ts';
import { recordEventLoopStalls } from './event-loop-stalls.ts';
import type { History } from './history.ts';
import { createStreams } from './streams.ts';
import { createUsers, type Users } from './users.ts';
import { createWitness, type Witness } from './witness.ts';
import type { Workload } from './workload.ts';

export interface CrowdOptions {
  url: string;
  users: number;
  /** Requests per second of all users together, about. */
  rate: number;
  workload: Workload;
  seed: number;
  /** Number of the first user: two crowds at one site must not share names. */
  firstNumber?: number;
  /** Aborts if the fleet was taken down: it does not come back, so no user keeps trying. */
  down?: AbortSignal;
  /** The store promises that a 503 changed nothing, unless the response says that the outcome is unknown. */
  promises: boolean;
}

/** The users of a run and what they observed, for every run, whoever breaks the site. */
export interface Crowd {
  readonly witness: Witness;
  readonly users: Users;
  /** Milliseconds since the run began, to the microsecond. */
  now(): number;
  /**
   * Logs the users in, keeps them busy for as long as `work` takes, and lets them check once more. An error on the way, or
   * the reason with which `down` aborts, ends that and is recorded: what the users observed until then is worth a history.
   */
  runDuring(progress: Progress, state: () => string, work: () => Promise<void>): Promise<void>;
  /** A history of what the users observed, completed by what the run knows. */
  toHistory<T extends RunFacts>(facts: T): History;
  close(): Promise<void>;
}

type UserFacts =
  | 'format'
  | 'seed'
  | 'users'
  | 'startedAt'
  | 'invoked'
  | 'operations'
  | 'eventLoopStalls'
  | 'streams'
  | 'problem';
type RunFacts = Omit<History, UserFacts>;

/** Connections of all users together, as browsers behind a few proxies have. */
export const connections = 48;
/** Users who keep a stream open meanwhile, each on a connection of its own. */
const maxStreams = 20;

export function createCrowd(options: CrowdOptions): Crowd {
  const { url, users: count, rate, workload, seed, firstNumber = 1, promises } = options;
  const { down = new AbortController().signal } = options;
  const origin = performance.now();
  const startedAt = new Date().toISOString();
  const now = () => Math.round((performance.now() - origin) * 1000) / 1000;
  const witness = createWitness({ url, connections, keys: workload.keys, promises, now });
  const streams = createStreams(url, maxStreams, now);
  const users = createUsers(witness, { count, seed, rate, workload, firstNumber, down, streams });
  const stopRecording = recordEventLoopStalls(now);
  let problem: string | undefined;

  async function runDuring(progress: Progress, state: () => string, work: () => Promise<void>) {
    await unlessAborted(down, users.logIn);
    const loggedIn = users.intactCount();
    progress.report(`${loggedIn < count ? `only ${loggedIn} of ` : ''}${count} users are logged in; seed ${seed}`);
    const stop = progress.follow(state);
    const over = new AbortController();
    const busy = users.stayBusy(over.signal);
    busy.catch(() => {}); // awaited below
    try {
      await work();
    } finally {
      over.abort();
      await unlessAborted(down, () => busy).finally(stop);
    }
    await unlessAborted(down, users.lookAgain);
    await streams.close();
  }

  return {
    witness,
    users,
    now,
    async runDuring(progress, state, work) {
      await runDuring(progress, state, work).catch((err: Error) => {
        problem = err.message;
        progress.report(`the run broke off: ${err instanceof FleetError ? problem : (err.stack ?? problem)}`);
      });
    },
    toHistory(facts) {
      const { operations, invoked } = witness;
      const own = {
        seed,
        users: count,
        startedAt,
        invoked,
        operations,
        eventLoopStalls: stopRecording(),
        streams: streams.records,
      };
      return { format: 2, ...facts, ...own, ...(problem && { problem }) };
    },
    async close() {
      stopRecording();
      await streams.close();
      await witness.close();
    },
  };
}
