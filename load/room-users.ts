import { setTimeout as sleep } from 'node:timers/promises';
import type { Sight, Totals, Visitors } from '../deploy/room/visitors.ts';
import { visitors as mix } from './mix.ts';
import { createTally } from './tally.ts';
import { createUsers, type Users } from './users.ts';
import { createWitness, type Witness } from './witness.ts';

export interface RoomUsersOptions {
  users: number;
  /** Requests a second that they do together, about. */
  rate: number;
}

/** Users while they are at the site. */
interface Crowd {
  /** Resolves once they are logged in; from then on they are busy. */
  logIn(): Promise<void>;
  sumUp(): { totals: Totals; seconds: Sight['seconds'] };
  leave(): Promise<void>;
}

const connections = 32;
const everyMs = 500;
/** A request under way may take longer where the site hangs: nobody waits for its answer then. */
const leaveMs = 5000;

/** The users of a control room, for as long as somebody likes: what they see is summed up and forgotten. */
export function createRoomUsers({ users: count, rate }: RoomUsersOptions): Visitors {
  let state: Sight['state'] = 'away';
  let crowd: Crowd | undefined;
  let last: { totals: Totals | null; seconds: Sight['seconds'] } = { totals: null, seconds: [] };

  return {
    async start({ http, store }) {
      if (state !== 'away') throw new Error('they are there already, or on their way');
      state = 'arriving';
      // As many rooms as there are may have users at one site.
      const firstNumber = 10_000 + Math.floor(Math.random() * 900_000);
      const promises = store === 'durable';
      const witness = createWitness({ url: http, connections, keys: true, promises, now: () => performance.now() });
      const users = createUsers(witness, count, firstNumber, rate, mix, firstNumber);
      const arriving = createCrowd(witness, users, count, store);
      crowd = arriving;
      await arriving.logIn();
      if (crowd !== arriving || state !== 'arriving') return;
      state = 'busy';
      if (users.whole() === 0) throw new Error('none of them could log in; they go on trying');
    },
    async stop() {
      if (!crowd || state === 'leaving') return;
      state = 'leaving';
      await crowd.leave();
      last = crowd.sumUp();
      crowd = undefined;
      state = 'away';
    },
    look() {
      if (crowd) last = crowd.sumUp();
      return { state, users: count, ...last, faults: [] };
    },
  };
}

/** What they see is told from their first request on. */
function createCrowd(witness: Witness, users: Users, count: number, store: string): Crowd {
  const since = Date.now();
  const offset = since - performance.now();
  const tally = createTally();
  const take = () => tally.add(witness.operations.splice(0), offset);
  const timer = setInterval(take, everyMs).unref();
  const over = new AbortController();
  let busy: Promise<unknown> = Promise.resolve();
  return {
    async logIn() {
      await users.logIn();
      if (!over.signal.aborted) busy = users.stayBusy(over.signal).catch(() => {});
    },
    sumUp() {
      take();
      const { sessions: lost, writes, writesLost } = users.losses();
      const { requests, failed } = tally;
      const totals = { since, store, users: count, requests, failed, whole: users.whole(), lost, writes, writesLost };
      return { totals, seconds: tally.seconds() };
    },
    async leave() {
      over.abort();
      const late = new AbortController();
      await Promise.race([busy, sleep(leaveMs, undefined, { signal: late.signal }).catch(() => {})]);
      late.abort();
      clearInterval(timer);
      await witness.close();
    },
  };
}
