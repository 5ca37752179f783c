import { accessLogCheck, checks } from '../load/checks/catalogue.ts';
import type { CheckResult, FaultStats, Judgement, Verdict, Violation } from '../load/checks/judgement.ts';
import type { History, Kind, ImpactBudget, Operation } from '../load/users/history.ts';
import { createRandom } from '../load/users/random.ts';
import { type Report, toReport } from '../load/report/json.ts';

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

/** A synthetic run for tests of the reports: six faults, slow responses around them, and violations unless it is a pass. */
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
    format: 2,
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
      rate: `${perSecond} requests per second`,
      'fsync of the append-only file': 'always',
    },
    invoked: operations.length,
    unmatchedLogLines: 0,
    backgroundLoad: { answered: 8931, failed: 0 },
    replicasAtEnd: [],
    eventLoopStalls: [],
    skipped: [{ fault: 'redis-failover', reason: 'not supported by the local fleet: a second Redis' }],
    interrupted: false,
    operations,
    faults: faults.map(
      ({ requests: _, failed: __, stallMs: ___, slowestMs: ____, recoveryMs: _____, ...record }) => record,
    ),
  };
  return { history, judgement: judgementOf(history, faults, verdict) };
}

/** The report of such a run. */
export function createSampleReport(options?: SampleOptions): Report {
  const { history, judgement } = createSample(options);
  return toReport(history, judgement);
}

const nothing: ImpactBudget = { failures: 'none', stallMs: 1000, answerMs: null };
const everything: ImpactBudget = { failures: 'all', stallMs: null, answerMs: 1000 };

function faultsOf(seconds: number): FaultStats[] {
  const figures = { requests: 1204, failed: 0, stallMs: 41.2, slowestMs: 322.9, recoveryMs: 3.1 };
  const at = (start: number, end: number) => ({ start: start * seconds * 1000, end: end * seconds * 1000 });
  return [
    {
      fault: 'kill-replica',
      target: 'replica',
      targets: ['replica-2'],
      ...at(0.1, 0.2),
      evidence: 'replica-2 (process 4711) is gone, after 1,502 requests',
      impactBudget: nothing,
      ...figures,
    },
    {
      fault: 'roll',
      target: 'fleet',
      targets: ['replica-1', 'replica-2', 'replica-3'],
      ...at(0.28, 0.36),
      evidence: '3 replicas were restarted',
      impactBudget: nothing,
      ...figures,
      requests: 3611,
    },
    {
      fault: 'redis-pause',
      target: 'redis',
      targets: ['redis'],
      ...at(0.42, 0.46),
      evidence: 'Redis (process 4688) is stopped',
      impactBudget: everything,
      ...figures,
      failed: 512,
      stallMs: 2980,
      recoveryMs: 210.4,
    },
    {
      fault: 'reload-nginx',
      target: 'nginx',
      targets: ['nginx'],
      ...at(0.55, 0.551),
      evidence: 'nginx has new workers',
      impactBudget: nothing,
      ...figures,
      requests: 9,
    },
    {
      fault: 'scale-up',
      target: 'fleet',
      targets: ['replica-4', 'replica-5'],
      ...at(0.6, 0.62),
      evidence: 'replica-4 and replica-5 serve',
      impactBudget: nothing,
      ...figures,
    },
    {
      fault: 'kill-nginx',
      target: 'nginx',
      targets: ['nginx'],
      ...at(0.75, 0.78),
      evidence: 'the port is closed',
      impactBudget: { ...everything, answerMs: null },
      ...figures,
      failed: 301,
      stallMs: 2702,
    },
  ];
}

const kinds: Kind[] = ['add', 'cart', 'cart', 'profile', 'prefer', 'preferences', 'whoami', 'remove'];

function operationsOf(seconds: number, perSecond: number, faults: FaultStats[], random: () => number): Operation[] {
  const operations: Operation[] = [];
  const total = Math.round(seconds * perSecond);
  for (let id = 1; id <= total; id += 1) {
    const start = (id / perSecond) * 1000 + random();
    const fault = faults.find((one) => start >= one.start && start <= (one.end ?? 0));
    const slow = fault && random() < 0.1 ? 100 + 300 * random() : 0;
    const isLost = fault?.impactBudget.failures === 'all' && random() < 0.9;
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

/** While replica-2 is dead and before 4 and 5 are up, the others serve. */
function replicaAt(part: number, random: () => number): string {
  const numbers = part > 0.1 && part < 0.2 ? [1, 3] : part > 0.6 ? [1, 2, 3, 4, 5] : [1, 2, 3];
  return `replica-${numbers[Math.floor(random() * numbers.length)]}`;
}

function judgementOf({ operations }: History, faults: FaultStats[], verdict: Verdict): Judgement {
  const isBad = verdict === 'fail';
  const shares: Record<string, number> = {};
  for (const { replica } of operations) if (replica) shares[replica] = (shares[replica] ?? 0) + 1;
  const ok = operations.filter(({ outcome }) => outcome === 'ok').length;
  return {
    verdict,
    reasons: {
      pass: [],
      fail: ['3 sessions lost', '137 acknowledged writes lost', '12 stale reads', '1 logout undone'],
      unknown: ['no fault was injected, so nothing was at risk'],
    }[verdict],
    requests: {
      total: operations.length,
      ok,
      unknown: operations.length - ok,
      failed: 0,
      excused: operations.length - ok,
      reconnected: 2,
    },
    checked: { sessions: 812, notCheckedAgain: verdict === 'unknown' ? 24 : 0, writes: 5630 },
    checks: checksOf(isBad, operations),
    faults,
    longestStallMs: verdict === 'unknown' ? 12.4 : 412.7,
    longestExcusedStallMs: verdict === 'unknown' ? 0 : 1821.3,
    latencyMs: { p50: 3.1, p90: 6.2, p99: 284.6, max: 904.2 },
    shares: Object.fromEntries(Object.entries(shares).sort()),
  };
}

/** Some violations of a failed run. */
const violationCounts: Record<string, number> = {
  'lost-session': 3,
  'lost-write': 137,
  'undone-logout': 1,
  'stale-read': 12,
};

function checksOf(isBad: boolean, operations: Operation[]): CheckResult[] {
  return [...checks, accessLogCheck].map(({ name, holds, one, many, about }) => {
    const count = isBad ? (violationCounts[name] ?? 0) : 0;
    const title = count === 1 ? one : many;
    const checked = { 'lost-session': 812, 'lost-write': 5630, 'false-success': 0 }[name] ?? operations.length;
    const violations = violationsOf(Math.min(count, 100), title, operations);
    return { name, holds, title, about, count, checked, violations };
  });
}

/** Every optional property of an operation is in one of them, and user input that must not become markup. */
function violationsOf(count: number, title: string, operations: Operation[]): Violation[] {
  return Array.from({ length: count }, (_, index) => {
    const [first, second] = operations.slice(300 + index * 40) as [Operation, Operation];
    const session = index === 0 ? `<script>alert('${title}')</script>` : first.session;
    const write: Operation = {
      ...first,
      session,
      kind: 'add',
      status: 201,
      loggedStatus: 499,
      repeatOf: 12,
      sessionIds: ['3f9a', null],
      endsSessions: ['user-0009.2'],
    };
    const read: Operation = {
      ...second,
      session,
      kind: 'cart',
      observed: [1, 2, 'user-0003.1:4', 5],
      observedUser: null,
      cookie: 'logged-out',
      replicaStartedAt: '2026-03-14T09:26:00.000Z',
      error: 'closed',
    };
    return {
      summary: `${session}: item ${first.value} was acknowledged, and a later read of the cart does not show it`,
      operations: [write, read],
    };
  });
}
