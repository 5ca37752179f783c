import { describe, expect, test } from 'vitest';
import { all, found, good, judged, kill, none, operation, outage, wordsOf } from '../../test/sample-history.ts';

describe('availability', () => {
  const steady = Array.from({ length: 12 }, (_, index) => operation('whoami', 2400 + 400 * index));
  const failed = operation('profile', 1200, { status: 503, outcome: 'fail' });

  test('a failed request, unless a fault excuses it', () => {
    expect(found([...good, failed])).toEqual({ 'failed-request': 1 });
    expect(wordsOf('failed-request', [...good, failed])?.summary).toBe('user-0001.1: profile got 503 at 1.2 s');
    const full = { ...failed, problem: 'store-full' };
    expect(wordsOf('failed-request', [full])?.summary).toBe('user-0001.1: profile got 503 (store-full) at 1.2 s');
    expect(judged([...good, failed], { faults: [outage] })).toMatchObject({
      verdict: 'pass',
      requests: { failed: 0, excused: 1 },
    });
  });

  test('only responses with the right status are excused, and only those of the faulty replica', () => {
    for (const status of [500, 409, 401, 413]) {
      expect(found([...good, { ...failed, kind: 'add', value: 3, status }], { faults: [outage] })).toEqual({
        'failed-request': 1,
      });
    }
    const cut = { ...outage, targets: ['replica-1'] };
    expect(found([...good, { ...failed, replica: 'replica-1' }], { faults: [cut] })).toEqual({});
    expect(found([...good, { ...failed, replica: 'replica-2' }], { faults: [cut] })).toEqual({ 'failed-request': 1 });
  });

  test('a fault with a budget for writes excuses no read', () => {
    const full = { ...outage, impactBudget: { ...all, failures: 'writes' as const } };
    expect(found([...good, failed], { faults: [full] })).toEqual({ 'failed-request': 1 });
    expect(found([...good, { ...failed, kind: 'add', value: 3 }], { faults: [full] })).toEqual({});
  });

  test('more than a second after the fault, nothing is excused', () => {
    const late = { ...failed, start: 2600, end: 2605 };
    expect(found([...good, late], { faults: [outage] })).toEqual({ 'failed-request': 1 });
  });

  test('a connection that was being closed is no failure if the repeat was answered', () => {
    const closed = operation('cart', 1800, { status: null, outcome: 'unknown', error: 'closed', replica: null });
    const repeat = operation('cart', 1810, { observed: [1, 2], repeatOf: closed.id });
    expect(judged([...good, closed, repeat])).toMatchObject({
      verdict: 'pass',
      requests: { reconnected: 1, failed: 0 },
    });
    expect(found([...good, closed])).toEqual({ 'failed-request': 1 });
    // nginx had taken it.
    expect(found([...good, { ...closed, loggedStatus: 499 }, repeat])).toEqual({ 'failed-request': 1 });
  });

  test('a request that its own logout has ended may be refused', () => {
    const logout = operation('logout', 2100, { status: 204 });
    const refused = operation('add', 2098, { end: 2104, status: 401, outcome: 'fail', value: 3 });
    expect(found([...good, logout, refused])).toEqual({});
    expect(found([...good, refused])).toEqual({ 'failed-request': 1 });
  });

  test("a response later than the fault's budget allows", () => {
    const slow = operation('whoami', 1100, { end: 2300 });
    expect(found([...good, slow])).toEqual({ 'slow-response': 1 });
    expect(found([...good, { ...slow, start: 2800, end: 5000 }, ...steady])).toEqual({});
    expect(found([...good, { ...slow, start: 2800, end: 6000 }, ...steady])).toEqual({ 'slow-response': 1 });
    const patient = { ...kill, impactBudget: { ...none, answerMs: 3000 } };
    expect(found([...good, slow], { faults: [patient] })).toEqual({});
  });

  test('a request in flight when a fault began must not have been late before it', () => {
    const hung = operation('add', 2000, { end: 5600, status: 503, outcome: 'fail', value: 3 });
    const late = { faults: [{ ...outage, start: 5500, end: 5700 }] };
    expect(found([...good, hung, ...steady], late)).toEqual({ 'slow-response': 1 });
    expect(found([...good, { ...hung, start: 3000 }, ...steady], late)).toEqual({});
  });

  test('just after a fault, responses may take no longer than during it', () => {
    const slow = operation('whoami', 1900, { end: 3200 });
    expect(found([...good, slow, ...steady], { faults: [outage] })).toEqual({ 'slow-response': 1 });
    expect(found([...good, { ...slow, start: 2600, end: 3900 }, ...steady], { faults: [outage] })).toEqual({});
  });

  test("during a Redis fault replicas must answer 503: neither no response nor a proxy's is excused", () => {
    const broken = { ...failed, kind: 'add', value: 3, outcome: 'unknown', replica: null } as const;
    const nginx = { ...outage, targets: ['nginx'] };
    const cut = { ...outage, targets: ['replica-1'] };
    for (const status of [null, 502, 504]) {
      expect(found([...good, { ...broken, status }], { faults: [nginx] })).toEqual({});
      for (const fault of [outage, cut])
        expect(found([...good, { ...broken, status }], { faults: [fault] })).toEqual({ 'failed-request': 1 });
    }
  });
});

test('two concurrent faults have both budgets', () => {
  const slow = operation('whoami', 1100, { end: 2600 });
  const both = [{ ...outage }, { ...outage, fault: 'kill-replica' }];
  expect(found([...good, slow], { faults: both })).toEqual({});
  expect(found([...good, slow], { faults: both.slice(1) })).toEqual({ 'slow-response': 1 });
});
