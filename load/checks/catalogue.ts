import type { History, Operation } from '../users/history.ts';
import type { Findings } from './findings.ts';
import type { Session } from './sessions.ts';

/** What a check knows when everything has been examined. */
export interface CheckContext {
  history: History;
  sessions: Session[];
  findings: Findings;
  /** How many operations were compared with nginx's access log. */
  logged: number;
  /** How many faults lasted long enough to see what users get meanwhile. */
  steadyFaults: number;
  /** How many streams were open when their session was logged out. */
  streams: number;
}

/** Something that must not happen. The modules beside this one find it; `findings` counts it by name. */
export interface Check {
  name: string;
  /** What is true if it never happened: `No session lost`. */
  holds: string;
  /** What is counted: `1 session lost`, `2 sessions lost`. */
  one: string;
  many: string;
  /** What each count means. */
  about: string;
  /** About when users were answered, not about what: a fleet that was taken down explains it. */
  isLiveness?: true;
  /** How many things were examined; with 0, a count of 0 says nothing. */
  checked(context: CheckContext): number;
}

const operationsOf = ({ history }: CheckContext) => history.operations;
const requests = (context: CheckContext) => operationsOf(context).length;
const reads = (context: CheckContext) => operationsOf(context).filter(({ observed }) => observed !== undefined).length;
const successes = (context: CheckContext) => operationsOf(context).filter(({ outcome }) => outcome === 'ok').length;
const verifiedWrites = ({ findings }: CheckContext) => findings.checkedWrites;

/** What fails a run, worst first. */
export const checks: Check[] = [
  {
    name: 'lost-session',
    holds: 'No session lost',
    one: 'session lost',
    many: 'sessions lost',
    about: 'A user who had logged in was answered as logged out.',
    checked: ({ sessions }) => sessions.filter(isChecked).length,
  },
  {
    name: 'lost-write',
    holds: 'No acknowledged write lost',
    one: 'acknowledged write lost',
    many: 'acknowledged writes lost',
    about: 'A change was acknowledged or observed, and no later response shows it.',
    checked: verifiedWrites,
  },
  {
    name: 'false-success',
    holds: 'No false success while Redis was broken',
    one: 'false success',
    many: 'false successes',
    about: 'A lost write that was acknowledged while Redis, or the network to it, was broken.',
    checked: (context) =>
      operationsOf(context).filter((one) => isAcknowledgedWrite(one) && context.findings.wasStoreBroken(one)).length,
  },
  {
    name: 'undone-logout',
    holds: 'Every logout is final',
    one: 'logout undone',
    many: 'logouts undone',
    about: 'A session was known to have ended, and its cookie opened it again.',
    checked: ({ sessions }) => sessions.filter(wasTriedAfterLogout).length,
  },
  {
    name: 'outliving-stream',
    holds: 'No stream outlives its logout',
    one: 'stream that outlived its logout',
    many: 'streams that outlived their logout',
    about: 'A stream of events was still open a second after its session was known to have ended.',
    checked: ({ streams }) => streams,
  },
  {
    name: 'leak',
    holds: 'No data of another session',
    one: 'response with data of another session',
    many: 'responses with data of another session',
    about: 'A response held data that another session wrote, or was for another user.',
    checked: successes,
  },
  {
    name: 'session-fixation',
    holds: 'Every login changes the session id',
    one: 'session id kept at login',
    many: 'session ids kept at login',
    about: 'The id did not change at login, or the one from before opens the session.',
    checked: (context) => operationsOf(context).filter(({ sessionIds: ids }) => ids && ids[0] !== null).length,
  },
  {
    name: 'denied-write',
    holds: 'Every response shows its own write',
    one: 'response without its own write',
    many: 'responses without their own write',
    about: 'A response acknowledged a change and did not show it.',
    checked: (context) => operationsOf(context).filter(isAcknowledgedWrite).length,
  },
  {
    name: 'stale-read',
    holds: 'No stale read',
    one: 'stale read',
    many: 'stale reads',
    about: 'A response did not show what was known before its request started; a later one did.',
    checked: reads,
  },
  {
    name: 'diverging-cart',
    holds: 'No diverging carts',
    one: 'diverging cart',
    many: 'diverging carts',
    about: 'Two responses show carts of which neither can have become the other.',
    checked: reads,
  },
  {
    name: 'non-linearizable',
    holds: 'Every session is linearizable',
    one: 'non-linearizable history',
    many: 'non-linearizable histories',
    about: 'Writes and reads of a session that fit no order of one after the other.',
    checked: reads,
  },
  {
    name: 'duplicate',
    holds: 'No write took effect twice',
    one: 'write done twice',
    many: 'writes done twice',
    about: 'An item was added once, or repeated with its Idempotency-Key, and is there twice.',
    checked: verifiedWrites,
  },
  {
    name: 'phantom',
    holds: 'No phantom data',
    one: 'phantom',
    many: 'phantoms',
    about: 'A response showed data that no user wrote.',
    checked: reads,
  },
  {
    name: 'aborted-write',
    holds: 'Every refused write had no effect',
    one: 'refused write that took effect',
    many: 'refused writes that took effect',
    about: 'A response said that nothing was changed, and something was.',
    checked: (context) =>
      operationsOf(context).filter(({ kind, outcome }) => kind === 'add' && outcome === 'fail').length,
  },
  {
    name: 'failed-request',
    isLiveness: true,
    holds: "No request failed outside its fault's budget",
    one: 'request failed',
    many: 'requests failed',
    about: 'A request failed while no fault was active that may fail requests.',
    checked: requests,
  },
  {
    name: 'slow-response',
    isLiveness: true,
    holds: 'Every response in time',
    one: 'slow response',
    many: 'slow responses',
    about: 'A request took longer than allowed.',
    checked: requests,
  },
  {
    name: 'stall',
    isLiveness: true,
    holds: "No stall outside a fault's budget",
    one: 'stall',
    many: 'stalls',
    about: 'No user got a success for longer than allowed.',
    checked: successes,
  },
  {
    name: 'degraded-service',
    isLiveness: true,
    holds: 'A hung replica costs only its share',
    one: 'degraded service',
    many: 'degraded services',
    about: 'A fault cost throughput or response time for longer than allowed, or a replica did not get its share back.',
    checked: ({ steadyFaults }) => steadyFaults,
  },
  {
    name: 'idle-replica',
    isLiveness: true,
    holds: 'Every replica serves',
    one: 'idle replica',
    many: 'idle replicas',
    about: 'After the last fault, a replica got none of the requests.',
    checked: ({ history: { replicasAtEnd = [] } }) => replicasAtEnd.length,
  },
  {
    name: 'slow-recovery',
    isLiveness: true,
    holds: 'Every recovery within a second',
    one: 'slow recovery',
    many: 'slow recoveries',
    about: 'Everything was healed, and no user got a success for more than a second.',
    checked: ({ history }) => history.faults.length,
  },
];

/** Whether the record can be trusted; if not, the verdict is unknown. */
export const accessLogCheck: Check = {
  name: 'access-log-mismatch',
  holds: "The record matches nginx's access log",
  one: 'access log mismatch',
  many: 'access log mismatches',
  about: 'A request did not end exactly once, or nginx logged another status than the user got.',
  checked: ({ logged }) => logged,
};

/** A user logged in, and later got a response that says who it is for. */
export function isChecked({ login, operations }: Session): boolean {
  if (!login) return false;
  return operations.some(({ observedUser, cookie, outcome, start }) => {
    return observedUser !== undefined && !cookie && outcome === 'ok' && start > login.end;
  });
}

function wasTriedAfterLogout({ endKnownAt, operations }: Session): boolean {
  return operations.some(({ cookie, start }) => cookie === 'logged-out' && start > endKnownAt);
}

function isAcknowledgedWrite({ kind, outcome }: Operation): boolean {
  return outcome === 'ok' && (kind === 'add' || kind === 'remove' || kind === 'prefer');
}
