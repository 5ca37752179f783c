import type { CheckResult, FaultFigures, Judgement, Verdict, Violation } from '../checks/judgement.ts';
import type { History, Kind, MayCost, Operation } from '../history.ts';
import { createRandom } from '../random.ts';
import { type Report, toReport } from './json.ts';

export interface SampleOptions {
  verdict?: Verdict;
  store?: string;
  seconds?: number;
  perSecond?: number;
}

export interface Sample {
  history: History;
  judgement: Judgement;
}

/** A made-up run for tests of the reports: six faults, slow answers around them, and violations unless it is a pass. */
export function createSample({
  verdict = 'pass',
  store = 'durable',
  seconds = 90,
  perSecond = 500,
}: SampleOptions = {}): Sample {
  const random = createRandom(7);
  const faults = verdict === 'unknown' ? [] : faultsOf(seconds);
  const operations = operationsOf(seconds, perSecond, faults, random);
  const history: History = {
    format: 1,
    plan: 'demo',
    driver: 'local',
    store,
    seed: 1234567890,
    users: 200,
    replicas: ['replica-1', 'replica-2', 'replica-3'],
    startedAt: '2026-03-14T09:26:53.589Z',
    command: 'npm run survive -- --plan all --seed 1',
    environment: {
      node: 'v26.10.0',
      nginx: '1.22.1',
      redis: '8.2.1',
      machine: 'Linux 6.8, 2 × AMD EPYC 7B13',
      rate: `${perSecond} requests a second`,
      'fsync of the append-only file': 'always',
    },
    invoked: operations.length,
    strangers: 0,
    background: { answered: 8931, failed: 0 },
    replicasLeft: [],
    pauses: [],
    skipped: [{ fault: 'redis-failover', why: 'the local fleet lacks a second Redis' }],
    interrupted: false,
    operations,
    faults: faults.map(
      ({ requests: _, failed: __, stallMs: ___, slowestMs: ____, recoveryMs: _____, ...record }) => record,
    ),
  };
  return { history, judgement: judgementOf(history, faults, verdict) };
}

/** What is told of such a run. */
export function createSampleReport(options?: SampleOptions): Report {
  const { history, judgement } = createSample(options);
  return toReport(history, judgement);
}

const nothing: MayCost = { failures: 'none', stallMs: 1000, answerMs: null };
const everything: MayCost = { failures: 'all', stallMs: null, answerMs: 1000 };

function faultsOf(seconds: number): FaultFigures[] {
  const figures = { requests: 1204, failed: 0, stallMs: 41.2, slowestMs: 322.9, recoveryMs: 3.1 };
  const at = (start: number, end: number) => ({ start: start * seconds * 1000, end: end * seconds * 1000 });
  return [
    {
      fault: 'kill-replica',
      targets: ['replica-2'],
      ...at(0.1, 0.2),
      landed: 'replica-2 (process 4711) is gone, after 1,502 requests',
      mayCost: nothing,
      ...figures,
    },
    {
      fault: 'roll',
      targets: ['replica-1', 'replica-2', 'replica-3'],
      ...at(0.28, 0.36),
      landed: '3 replicas started anew',
      mayCost: nothing,
      ...figures,
      requests: 3611,
    },
    {
      fault: 'redis-pause',
      targets: ['redis'],
      ...at(0.42, 0.46),
      landed: 'Redis (process 4688) is stopped',
      mayCost: everything,
      ...figures,
      failed: 512,
      stallMs: 2980,
      recoveryMs: 210.4,
    },
    {
      fault: 'reload-nginx',
      targets: ['nginx'],
      ...at(0.55, 0.551),
      landed: 'nginx has new workers',
      mayCost: nothing,
      ...figures,
      requests: 9,
    },
    {
      fault: 'scale-up',
      targets: ['replica-4', 'replica-5'],
      ...at(0.6, 0.62),
      landed: 'replica-4 and replica-5 serve',
      mayCost: nothing,
      ...figures,
    },
    {
      fault: 'kill-nginx',
      targets: ['nginx'],
      ...at(0.75, 0.78),
      landed: 'nobody listens on the port',
      mayCost: { ...everything, answerMs: null },
      ...figures,
      failed: 301,
      stallMs: 2702,
    },
  ];
}

const kinds: Kind[] = ['add', 'cart', 'cart', 'profile', 'prefer', 'preferences', 'whoami', 'remove'];

function operationsOf(seconds: number, perSecond: number, faults: FaultFigures[], random: () => number): Operation[] {
  const operations: Operation[] = [];
  const total = Math.round(seconds * perSecond);
  for (let id = 1; id <= total; id += 1) {
    const start = (id / perSecond) * 1000 + random();
    const fault = faults.find((one) => start >= one.start && start <= (one.end ?? 0));
    const slow = fault && random() < 0.1 ? 100 + 300 * random() : 0;
    const isLost = fault?.mayCost.failures === 'all' && random() < 0.9;
    const first = id <= 200;
    operations.push({
      id,
      session: `user-${String(1 + ((id - 1) % 200)).padStart(4, '0')}.1`,
      kind: first ? 'login' : (kinds[Math.floor(random() * kinds.length)] as Kind),
      value: id,
      start,
      end: start + 2 + 6 * random() ** 3 + slow + (isLost ? 500 : 0),
      outcome: isLost ? 'unknown' : 'ok',
      status: isLost ? null : 200,
      replica: isLost ? null : replicaAt(start / 1000 / seconds, random),
      ...(isLost && { error: 'ECONNREFUSED' }),
    });
  }
  return operations;
}

/** While replica-2 is dead and before 4 and 5 are there, the others serve. */
function replicaAt(part: number, random: () => number): string {
  const numbers = part > 0.1 && part < 0.2 ? [1, 3] : part > 0.6 ? [1, 2, 3, 4, 5] : [1, 2, 3];
  return `replica-${numbers[Math.floor(random() * numbers.length)]}`;
}

function judgementOf({ operations }: History, faults: FaultFigures[], verdict: Verdict): Judgement {
  const isBad = verdict === 'fail';
  const shares: Record<string, number> = {};
  for (const { replica } of operations) if (replica) shares[replica] = (shares[replica] ?? 0) + 1;
  const ok = operations.filter(({ outcome }) => outcome === 'ok').length;
  return {
    verdict,
    reasons: {
      pass: [],
      fail: ['3 sessions lost', '137 acknowledged writes lost', '12 stale reads', '1 logout undone'],
      unknown: ['there was no fault: nothing was at risk'],
    }[verdict],
    requests: {
      total: operations.length,
      ok,
      unknown: operations.length - ok,
      failed: 0,
      excused: operations.length - ok,
      reconnected: 2,
    },
    checked: { sessions: 812, writes: 5630 },
    checks: checksOf(isBad, operations),
    faults,
    longestStallMs: verdict === 'unknown' ? 12.4 : 412.7,
    latencyMs: { p50: 3.1, p90: 6.2, p99: 284.6, max: 904.2 },
    shares: Object.fromEntries(Object.entries(shares).sort()),
  };
}

function checksOf(isBad: boolean, operations: Operation[]): CheckResult[] {
  const found = (count: number) => (isBad ? count : 0);
  const check = (name: string, title: string, about: string, count: number, checked: number): CheckResult => {
    return { name, title, about, count, checked, violations: violationsOf(Math.min(count, 100), title, operations) };
  };
  return [
    check('lost-session', 'sessions lost', 'Somebody who had logged in was answered as nobody.', found(3), 812),
    check(
      'lost-write',
      'acknowledged writes lost',
      'A change was acknowledged, or seen, and no later answer shows it.',
      found(137),
      5630,
    ),
    check(
      'false-success',
      'false successes',
      'Of the lost writes: acknowledged while Redis, or the way to it, was broken.',
      0,
      0,
    ),
    check(
      'undone-logout',
      isBad ? 'logout undone' : 'logouts undone',
      'A session was known to have ended, and its cookie opened it again.',
      found(1),
      212,
    ),
    check(
      'stale-read',
      'stale reads',
      'An answer did not show what was known before its request began; a later one did.',
      found(12),
      9120,
    ),
    check(
      'leak',
      'answers of somebody else’s session',
      'An answer held what another session had written.',
      0,
      operations.length,
    ),
    check(
      'failed-request',
      'requests failed',
      'A request failed, and no fault was under way that may cost requests.',
      0,
      operations.length,
    ),
    check('stall', 'stalls', 'Nobody was answered for longer than it may take.', 0, operations.length),
  ];
}

/** Every optional member of an operation is in one of them; and what people write must not become markup. */
function violationsOf(count: number, title: string, operations: Operation[]): Violation[] {
  return Array.from({ length: count }, (_, index) => {
    const [first, second] = operations.slice(300 + index * 40) as [Operation, Operation];
    const session = index === 0 ? `<script>alert('${title}')</script>` : first.session;
    const write: Operation = {
      ...first,
      session,
      kind: 'add',
      status: 201,
      logged: 499,
      repeats: 12,
      ids: ['3f9a', null],
      ends: ['user-0009.2'],
    };
    const read: Operation = {
      ...second,
      session,
      kind: 'cart',
      saw: [1, 2, 'user-0003.1:4', 5],
      sawUser: null,
      cookie: 'logged-out',
      replicaStarted: '2026-03-14T09:26:00.000Z',
      error: 'closed',
    };
    return {
      words: `article ${first.value} of ${session} was acknowledged, and the cart that was looked at afterwards does not have it`,
      operations: [write, read],
    };
  });
}
