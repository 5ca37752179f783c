import { describe, expect, test } from 'vitest';
import type { FaultRecord, History, Operation } from '../history.ts';
import { judge } from './judge.ts';

const kill: FaultRecord = {
  fault: 'kill-replica',
  targets: ['replica-1'],
  start: 1000,
  end: 1500,
  landed: 'replica-1 is gone',
  mayFail: false,
};

function operation(more: Partial<Operation> & Pick<Operation, 'kind' | 'start'>): Operation {
  return { user: 'ada', end: more.start + 5, outcome: 'ok', status: 200, replica: 'replica-1', ...more };
}

/** Ada logs in, adds two articles, one on each side of the fault, and sees both: a history with nothing wrong. */
const login = operation({ kind: 'login', start: 100 });
const add1 = operation({ kind: 'add', start: 200, status: 201, sku: 'a1' });
const profile = operation({ kind: 'profile', start: 900, sawUser: 'ada' });
const add2 = operation({ kind: 'add', start: 1600, status: 201, sku: 'a2', replica: 'replica-2' });
const cart = operation({ kind: 'cart', start: 1700, sawSkus: ['a1', 'a2'], replica: 'replica-2' });
const again = operation({ kind: 'profile', start: 1750, sawUser: 'ada', replica: 'replica-2' });
const good = [login, add1, profile, add2, cart, again];

function judged(operations: Operation[], more: Partial<History> = {}) {
  return judge({
    plan: 'kill-replica',
    driver: 'local',
    store: 'durable',
    users: 1,
    seed: 1,
    operations,
    faults: [kill],
    background: { answered: 10, failed: 0 },
    replicas: ['replica-1', 'replica-2'],
    ...more,
  });
}

test('a good history passes', () => {
  expect(judged(good)).toMatchObject({
    verdict: 'pass',
    reasons: [],
    requests: { total: 6, failed: 0 },
    sessions: { checked: 1, lost: 0, leaked: 0 },
    writes: { checked: 2, lost: 0 },
    shares: { 'replica-1': 3, 'replica-2': 3 },
  });
});

test('the order in which operations were recorded does not matter', () => {
  expect(judged(good.toReversed())).toMatchObject({ verdict: 'pass', longestStallMs: 700 });
});

describe('a bad history fails, and says what was wrong', () => {
  const nobody = operation({ kind: 'profile', start: 1800, status: 401, sawUser: null, replica: 'replica-2' });

  test('a session lost', () => {
    const { verdict, reasons, violations } = judged([...good, nobody]);
    expect({ verdict, reasons }).toEqual({ verdict: 'fail', reasons: ['1 session lost'] });
    const [lost] = violations.lostSessions ?? [];
    expect(lost?.words).toBe('ada logged in at replica-1; 1.7 s later replica-2 answered: nobody is logged in');
    expect(lost?.operations).toEqual([login, nobody]);
  });

  test('a session lost twice is one session lost', () => {
    expect(judged([...good, nobody, { ...nobody, start: 1900, end: 1905 }]).sessions.lost).toBe(1);
  });

  test("somebody else's session", () => {
    const leak = operation({ kind: 'profile', start: 1800, sawUser: 'eve' });
    expect(judged([...good, leak])).toMatchObject({
      verdict: 'fail',
      reasons: ["1 answer of somebody else's session"],
    });
  });

  test('an acknowledged write lost', () => {
    const without = { ...cart, sawSkus: ['a2'] };
    const { verdict, violations } = judged([login, add1, profile, add2, without]);
    expect(verdict).toBe('fail');
    expect(violations.lostWrites).toEqual([
      {
        words: 'ada was told by replica-1 that a1 is in the cart; replica-2 later showed the cart without it',
        operations: [add1, without],
      },
    ]);
  });

  test.each([
    ['an answer 500', { outcome: 'unknown', status: 500 }, 'cart of ada was answered 500 at 1.8 s'],
    ['an answer 503', { outcome: 'fail', status: 503 }, 'cart of ada was answered 503 at 1.8 s'],
    [
      'no answer',
      { outcome: 'unknown', status: null, error: 'UND_ERR_SOCKET' },
      'cart of ada got no answer (UND_ERR_SOCKET) at 1.8 s',
    ],
  ] as const)('a failed request: %s', (_what, ended, words) => {
    const { verdict, reasons, violations } = judged([...good, operation({ kind: 'cart', start: 1800, ...ended })]);
    expect({ verdict, reasons }).toEqual({ verdict: 'fail', reasons: ['1 request failed'] });
    expect(violations.failedRequests?.[0]?.words).toBe(words);
  });

  test('failed requests of the background load', () => {
    expect(judged(good, { background: { answered: 10, failed: 2 } })).toMatchObject({
      verdict: 'fail',
      reasons: ['2 background requests failed'],
    });
  });

  test('a second without a success', () => {
    const late = operation({ kind: 'cart', start: 2800, sawSkus: ['a1', 'a2'] });
    expect(judged([...good, late])).toMatchObject({
      verdict: 'fail',
      reasons: ['no success for 1050 ms (at most 1000)'],
    });
  });
});

describe('what is no loss', () => {
  test('a write whose outcome is unknown, there or not', () => {
    const unsure = operation({ kind: 'add', start: 1600, outcome: 'unknown', status: 502, sku: 'a9' });
    expect(judged([...good, unsure]).writes).toEqual({ checked: 2, lost: 0 });
    expect(
      judged([login, add1, profile, add2, again, unsure, { ...cart, sawSkus: ['a1', 'a2', 'a9'] }]).writes.lost,
    ).toBe(0);
  });

  test('a cart that was read while the add was under way', () => {
    const early = operation({ kind: 'cart', start: 1602, sawSkus: ['a1'] });
    expect(judged([...good, early]).verdict).toBe('pass');
  });

  test('an answer to nobody before the login', () => {
    const before = operation({ kind: 'profile', start: 10, status: 401, sawUser: null });
    expect(judged([before, ...good]).verdict).toBe('pass');
  });

  test('a request that fails during a fault that may cost requests, or right after it', () => {
    const faults = [{ ...kill, fault: 'redis-restart', mayFail: true }];
    for (const start of [1200, 2400]) {
      // It ends 5 ms later, within a second of the end of the fault.
      const failed = operation({ kind: 'cart', start, outcome: 'fail', status: 503 });
      expect(judged([...good, failed], { faults })).toMatchObject({
        verdict: 'pass',
        requests: { failed: 0, excused: 1 },
      });
    }
    const later = operation({ kind: 'cart', start: 2600, outcome: 'fail', status: 503 });
    expect(judged([...good, later], { faults }).verdict).toBe('fail');
    const hung = operation({
      kind: 'cart',
      start: 1200,
      end: 9000,
      outcome: 'unknown',
      status: null,
      error: 'timeout',
    });
    expect(judged([...good, hung], { faults }).verdict).toBe('fail');
  });
});

describe('without evidence the verdict is unknown, never a pass', () => {
  test.each<[string, Operation[], Partial<History>, string]>([
    ['no fault', good, { faults: [] }, 'there was no fault: nothing was at risk'],
    ['a fault that did not land', good, { faults: [{ ...kill, landed: '' }] }, 'kill-replica was not seen to land'],
    ['a fault that was not healed', good, { faults: [{ ...kill, end: null }] }, 'kill-replica was not healed'],
    [
      'a replica that served nobody',
      good,
      { faults: [{ ...kill, targets: ['replica-2'] }] },
      'replica-2 had served nobody',
    ],
    ['nobody who logged in', [], {}, 'only 0 of 1 users could log in'],
    ['no write that was looked for', [login, profile, add1], {}, 'no acknowledged write was looked for'],
    ['nobody who looked again', [login, add1, profile], {}, 'only 0 of 1 users looked again'],
    [
      'a cart that was not read again',
      [login, add1, cart, again].map((one) => (one === cart ? { ...cart, start: 900, end: 905 } : one)),
      {},
      'only 0 of 1',
    ],
  ])('%s', (_what, operations, more, reason) => {
    const { verdict, reasons } = judged(operations, more);
    expect(verdict).toBe('unknown');
    expect(reasons.join()).toContain(reason);
  });

  test('but what was seen to be wrong is a fail', () => {
    const nobody = operation({ kind: 'profile', start: 1800, status: 401, sawUser: null });
    expect(judged([...good, nobody], { faults: [] }).verdict).toBe('fail');
  });
});
