import { describe, expect, test } from 'vitest';
import { add2, again, all, good, judged, kill, operation, outage } from '../../test/sample-history.ts';
import type { History, Operation } from '../users/history.ts';

test('an interrupted run proves nothing, and says so', () => {
  expect(judged(good, { interrupted: true })).toMatchObject({
    verdict: 'unknown',
    reasons: ['it was interrupted before its end'],
  });
});

test('a run that broke off fails for what was lost, not for requests that were not answered', () => {
  const problem = 'the fleet was taken down';
  const refused = operation('cart', 3000, { status: null, outcome: 'unknown', error: 'ECONNREFUSED' });
  expect(judged([...good, refused], { problem })).toMatchObject({
    verdict: 'unknown',
    reasons: ['the run broke off: the fleet was taken down'],
  });
  const loggedOut = operation('profile', 3000, { observedUser: null });
  expect(judged([...good, loggedOut], { problem })).toMatchObject({ verdict: 'fail', reasons: ['1 session lost'] });
});

test('sessions that could not be checked again at the end are counted', () => {
  const early = good.filter(({ start }) => start < 1700);
  expect(judged(early)).toMatchObject({ verdict: 'unknown', checked: { sessions: 1, notCheckedAgain: 1 } });
  expect(judged(good)).toMatchObject({ checked: { notCheckedAgain: 0 } });
});

describe('without evidence the verdict is unknown', () => {
  const unseen = { ...kill, evidence: '', problem: 'docker is not there' };
  test.each<[string, Operation[], Partial<History>, string]>([
    ['no fault', good, { faults: [] }, 'nothing was at risk'],
    ['a run that broke off', good, { problem: 'no such fault' }, 'the run broke off: no such fault'],
    ['a fault that did not land', good, { faults: [unseen] }, 'kill-replica did not land: docker is not there'],
    ['a fault that was not healed', good, { faults: [{ ...kill, end: null }] }, 'kill-replica was not healed'],
    [
      'a fault with no request in flight',
      good,
      { faults: [{ ...kill, start: 5000, end: 5001 }] },
      'no request was in flight',
    ],
    [
      'a replica that had served no request',
      good,
      { faults: [{ ...kill, targets: ['replica-2'] }] },
      'replica-2 served no request shortly',
    ],
    ['no session was checked again', good.filter((one) => one !== again), {}, 'only 0 of 1 open sessions'],
    ['a user who could not log in', good, { users: 2 }, 'only 1 of 2 users could log in'],
    [
      'an outage that no user felt',
      good,
      { faults: [{ ...outage, impactBudget: { ...all, mustFail: true } }] },
      'failed no request',
    ],
    [
      'a replica that joined and served no request',
      good,
      { faults: [{ ...kill, targets: ['replica-9'] }] },
      'replica-9 served no request',
    ],
    ['an access log that could not be read', good, { unmatchedLogLines: null }, 'access log could not be read'],
    [
      'a background load of which nothing was answered',
      good,
      { backgroundLoad: { answered: 0, failed: 9 } },
      'is void',
    ],
    [
      'a replica that had served requests, but long ago',
      good.filter(({ replica, end }) => replica === 'replica-1' || end < 1500),
      { faults: [{ ...kill, start: 9000, end: 9500, targets: ['replica-2'] }] },
      'replica-2 served no request shortly before',
    ],
    ['a replica that never served', good, { replicas: ['replica-1', 'replica-3'] }, 'replica-3 served no request'],
    [
      'users whose own process stalled',
      good,
      { eventLoopStalls: [{ start: 1010, end: 1900 }] },
      "the users' own process stalled during kill-replica",
    ],
    [
      'a last check that showed nothing',
      good.map(({ observedUser, ...one }) =>
        one === undefined || one.start < 1700 ? { ...one, ...(observedUser !== undefined && { observedUser }) } : one,
      ),
      {},
      'only 0 of 1 open sessions',
    ],
    ['requests that ended twice', [...good, add2], {}, '1 requests ended twice'],
    [
      'a request that was never sent, and that nginx knows',
      [...good, operation('whoami', 1900, { status: null, outcome: 'fail', loggedStatus: 201, error: 'ECONNREFUSED' })],
      { faults: [{ ...outage, targets: ['nginx'] }] },
      'was never sent, and nginx logged 201',
    ],
    ['requests that never ended', good, { invoked: 99 }, '99 requests were started and 13 ended'],
    ['requests that no user sent', good, { unmatchedLogLines: 3 }, 'nginx logged 3 requests that no user sent'],
    [
      'an answer that nginx does not know',
      [...good.slice(0, -1), { ...(good.at(-1) as Operation), loggedStatus: 502 }],
      {},
      'nginx logged 502',
    ],
  ])('%s', (_, operations, more, reason) => {
    const { verdict, reasons } = judged(operations, more);
    expect(reasons.join()).toContain(reason);
    expect(verdict).toBe('unknown');
  });

  test('no write was verified', () => {
    const reading = good
      .filter(({ kind }) => kind !== 'add' && kind !== 'prefer')
      .map(({ observed, ...one }) => ({ ...one, ...(observed && { observed: [] }) }));
    expect(judged(reading)).toMatchObject({
      verdict: 'unknown',
      reasons: ['no acknowledged write was verified'],
    });
  });

  test('a violation is a fail even without other evidence', () => {
    const loggedOut = operation('profile', 1800, { status: 401, observedUser: null });
    expect(judged([...good, loggedOut], { faults: [] }).verdict).toBe('fail');
  });

  test('a response that a killed nginx did not log is accounted for', () => {
    const killed = { ...outage, targets: ['nginx'] };
    const lost = operation('whoami', 1100, { loggedStatus: null });
    expect(judged([...good, lost], { faults: [killed] }).verdict).toBe('pass');
  });
});
