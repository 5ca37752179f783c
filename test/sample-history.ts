// A short correct history, and what the checks find if something is added to it.

import { judge } from '../load/checks/judge.ts';
import type { FaultRecord, History, Operation } from '../load/users/history.ts';

export const none = { failures: 'none', stallMs: 500, answerMs: 1000 } as const;
export const all = { failures: 'all', stallMs: null, answerMs: 1000 } as const;

export const kill: FaultRecord = {
  fault: 'kill-replica',
  target: 'replica',
  targets: ['replica-1'],
  start: 1000,
  end: 1500,
  evidence: 'replica-1 is gone',
  impactBudget: none,
};
export const outage: FaultRecord = {
  ...kill,
  fault: 'redis-outage',
  target: 'redis',
  targets: ['redis'],
  impactBudget: all,
};

let ids = 0;
/** As operations are numbered. */
export const nextId = () => ++ids;
export function operation(kind: Operation['kind'], start: number, more: Partial<Operation> = {}): Operation {
  const base = {
    id: nextId(),
    session: 'user-0001.1',
    kind,
    start,
    end: start + 5,
    outcome: 'ok',
    status: 200,
  } as const;
  return { ...base, replica: 'replica-1', ...more };
}

/** A user logs in, adds an item before and after the fault, and reads both: a correct history. */
export const login = operation('login', 100, { sessionIds: [null, 'a'] });
export const add1 = operation('add', 200, { status: 201, value: 1, observed: [1] });
export const prefer = operation('prefer', 300, { value: 1, observed: [1] });
export const before = operation('profile', 900, { observedUser: 'user-0001' });
export const during = operation('cart', 1250, { observed: [1], replica: 'replica-2' });
export const add2 = operation('add', 1600, { status: 201, value: 2, observed: [1, 2], replica: 'replica-2' });
export const cart = operation('cart', 1700, { observed: [1, 2], replica: 'replica-2' });
export const again = operation('profile', 1750, { observedUser: 'user-0001', replica: 'replica-2' });
export const preferences = operation('preferences', 1760, { observed: [1], replica: 'replica-2' });
/** Leaves no time without a success. */
export const others = [600, 1200, 1400, 2000].map((start) => operation('whoami', start, { session: 'user-0001.1' }));
export const good = [login, add1, prefer, before, during, add2, cart, again, preferences, ...others];

export function judged(operations: Operation[], more: Partial<History> = {}) {
  return judge({
    format: 2,
    plan: 'kill-replica',
    driver: 'local',
    store: 'durable',
    seed: 1,
    users: 1,
    replicas: ['replica-1', 'replica-2'],
    startedAt: '2026-01-01T00:00:00.000Z',
    command: 'npm run survive',
    environment: {},
    invoked: operations.length,
    unmatchedLogLines: 0,
    backgroundLoad: null,
    eventLoopStalls: [],
    skipped: [],
    interrupted: false,
    operations,
    faults: [kill],
    ...more,
  });
}

/** The violations by check, for checks that found any. */
export function found(operations: Operation[], more: Partial<History> = {}) {
  const { checks } = judged(operations, more);
  return Object.fromEntries(checks.filter(({ count }) => count > 0).map(({ name, count }) => [name, count]));
}

export function wordsOf(name: string, operations: Operation[], more: Partial<History> = {}) {
  return judged(operations, more).checks.find((check) => check.name === name)?.violations[0];
}
