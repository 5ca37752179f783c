import type { RoomUsers, UsersStatus } from '../../deploy/control-room/users.ts';
import { withTimeout } from '../../deploy/fleet/wait.ts';
import { createRunningTotals, type RunningTotals } from './running-totals.ts';
import { createUsers, type Users } from './users.ts';
import { createWitness, type Witness } from './witness.ts';
import { shopping } from './workload.ts';

export interface RoomUsersOptions {
  users: number;
  /** Requests per second of all users together, about. */
  rate: number;
}

/** A group of users from its login until it leaves. */
interface Visit {
  witness: Witness;
  users: Users;
  totals: RunningTotals;
  over: AbortController;
  busy: Promise<unknown>;
}

const connections = 32;
/** How long to wait for requests under way when the users leave: a site that hangs may take longer. */
const leaveMs = 5000;

/** The users of a control room, for as long as it likes: what they observe is counted and forgotten. */
export function createRoomUsers({ users: count, rate }: RoomUsersOptions): RoomUsers {
  let state: UsersStatus['state'] = 'away';
  let visit: Visit | undefined;
  let last: Pick<UsersStatus, 'totals' | 'seconds'> = { totals: null, seconds: [] };

  return {
    async start({ http, store }) {
      if (state !== 'away') throw new Error('the users are there already, or about to be');
      state = 'arriving';
      const arriving = createVisit(http, store, count, rate);
      visit = arriving;
      await arriving.users.logIn();
      if (!arriving.over.signal.aborted) arriving.busy = arriving.users.stayBusy(arriving.over.signal).catch(() => {});
      if (visit !== arriving || state !== 'arriving') return;
      state = 'busy';
      if (arriving.users.intactCount() === 0) throw new Error('no user could log in; they keep trying');
    },
    async stop() {
      if (!visit || state === 'leaving') return;
      state = 'leaving';
      visit.over.abort();
      await withTimeout(visit.busy, leaveMs);
      await visit.witness.close();
      visit.totals.close();
      last = visit.totals.read();
      visit = undefined;
      state = 'away';
    },
    status() {
      if (visit) last = visit.totals.read();
      return { state, users: count, ...last, faults: [] };
    },
  };
}

function createVisit(url: string, store: string, count: number, rate: number): Visit {
  const now = () => performance.now();
  const witness = createWitness({ url, connections, keys: true, promises: store === 'durable', now });
  // Several control rooms may have users at one site.
  const firstNumber = 10_000 + Math.floor(Math.random() * 900_000);
  const users = createUsers(witness, { count, seed: firstNumber, rate, workload: shopping, firstNumber });
  const totals = createRunningTotals({ witness, users, count, store, now, take: (operations) => operations.splice(0) });
  return { witness, users, totals, over: new AbortController(), busy: Promise.resolve() };
}
