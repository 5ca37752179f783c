import { describe, expect, test } from 'vitest';
import {
  add1,
  add2,
  again,
  all,
  before,
  cart,
  during,
  found,
  good,
  judged,
  kill,
  login,
  nextId,
  none,
  operation,
  others,
  outage,
  prefer,
  preferences,
  wordsOf,
} from '../../test/sample-history.ts';
import type { History, Operation } from '../users/history.ts';

test('a good history passes', () => {
  expect(judged(good)).toMatchObject({
    verdict: 'pass',
    reasons: [],
    requests: { total: 13, ok: 13, failed: 0, excused: 0 },
    checked: { sessions: 1, writes: 3 },
    shares: { 'replica-1': 8, 'replica-2': 5 },
    faults: [{ fault: 'kill-replica', requests: 8, failed: 0 }],
  });
});

test('the order in which operations were recorded does not matter', () => {
  expect(judged(good.toReversed())).toMatchObject({ verdict: 'pass', reasons: [] });
});

describe('sessions', () => {
  const loggedOut = operation('profile', 1800, { status: 401, observedUser: null, replica: 'replica-2' });
  const logout = operation('logout', 2100, { status: 204 });
  const old = { cookie: 'logged-out' } as const;

  test('lost: answered as logged out, once per session', () => {
    expect(found([...good, loggedOut, { ...loggedOut, id: nextId(), start: 1900, end: 1905 }])).toEqual({
      'lost-session': 1,
    });
    expect(found([...good, operation('whoami', 1800, { observedUser: null })])).toEqual({ 'lost-session': 1 });
    expect(wordsOf('lost-session', [...good, loggedOut])).toEqual({
      summary: 'user-0001.1 was logged in by replica-1; 1.7 s later replica-2 answered: not logged in',
      operations: [login, loggedOut],
    });
  });

  test('not lost: answered as logged out before the login, during the logout, or after it', () => {
    const early = operation('profile', 50, { status: 401, observedUser: null });
    const late = operation('profile', 2102, { status: 401, observedUser: null });
    const after = operation('profile', 2200, { status: 401, observedUser: null, ...old });
    expect(found([early, ...good, logout, late, after])).toEqual({});
  });

  test('a logout undone', () => {
    const back = operation('profile', 2200, { observedUser: 'user-0001', ...old });
    expect(found([...good, logout, back])).toEqual({ 'undone-logout': 1 });
    expect(wordsOf('undone-logout', [...good, logout, back])?.operations).toEqual([logout, back]);
  });

  test('a logout undone: the old cookie returns the cart', () => {
    const cartOf = (observed: (number | string)[]) => operation('cart', 2200, { observed, ...old });
    expect(found([...good, logout, cartOf([1, 2])])).toEqual({ 'undone-logout': 1 });
    expect(found([...good, logout, cartOf([])])).toEqual({});
  });

  test('a logout undone that was observed, though never acknowledged', () => {
    const unknown = operation('logout', 2100, { status: 504, outcome: 'unknown' });
    const gone = operation('profile', 2200, { status: 401, observedUser: null, ...old });
    const back = operation('profile', 2300, { observedUser: 'user-0001', ...old });
    expect(found([...good, unknown, gone, back])).toEqual({ 'undone-logout': 1, 'failed-request': 1 });
    expect(found([...good, unknown, back])).toEqual({ 'failed-request': 1 });
  });

  test('a refused "log out everywhere": the session was lost, or the first of two replicas has done it', () => {
    const endsSessions = ['user-0001.1'];
    const device = { session: 'user-0001.2' };
    const arrive = operation('login', 1800, { ...device, sessionIds: [null, 'b'] });
    const refused = operation('logout-everywhere', 2100, { ...device, status: 401, outcome: 'unknown', endsSessions });
    const look = [
      operation('profile', 2095, { observedUser: 'user-0001', ...device }),
      operation('cart', 2096, { observed: [], ...device }),
    ];
    const back = operation('profile', 2200, { observedUser: 'user-0001', ...old });
    expect(found([...good, arrive, ...look, { ...refused, upstreamTries: 1 }])).toEqual({ 'failed-request': 1 });
    expect(found([...good, arrive, ...look, { ...refused, upstreamTries: 2 }])).toEqual({});
    expect(found([...good, arrive, ...look, { ...refused, upstreamTries: 2 }, back])).toEqual({ 'undone-logout': 1 });
  });

  test('"log out everywhere" ends the other sessions too', () => {
    const device = { session: 'user-0001.2' };
    const second = operation('login', 2050, { ...device, sessionIds: [null, 'b'] });
    const everywhere = operation('logout-everywhere', 2100, { ...device, status: 204, endsSessions: ['user-0001.1'] });
    const back = operation('profile', 2200, { observedUser: 'user-0001', ...old });
    expect(found([...good, second, everywhere, back])).toEqual({ 'undone-logout': 1 });
  });

  test("another session's data: another user, another's item, another's preference", () => {
    const other = { session: 'user-0002.1' };
    const theirs = operation('add', 400, { ...other, value: 7, status: 201, observed: [7] });
    const user = operation('profile', 1800, { observedUser: 'user-0002' });
    const foreignItem = operation('cart', 1800, { observed: [1, 2, 'user-0002.1.7'] });
    expect(found([...good, theirs, user])).toEqual({ leak: 1 });
    expect(found([...good, theirs, foreignItem])).toEqual({ leak: 1 });
    expect(found([...good, operation('preferences', 1800, { observed: ['user-0002.1.9'] })])).toEqual({ phantom: 1 });
  });

  test('an id that is kept at login, or still valid after it', () => {
    const kept = { ...login, sessionIds: ['a', 'a'] as [string, string] };
    expect(found([kept, ...good.slice(1)])).toEqual({ 'session-fixation': 1 });
    const fixed = operation('profile', 400, { observedUser: 'user-0001', cookie: 'before-login' });
    expect(found([...good, fixed])).toEqual({ 'session-fixation': 1 });
    expect(found([...good, { ...fixed, observedUser: null, status: 401 }])).toEqual({});
  });
});

describe('writes', () => {
  const later = (observed: (number | string)[], start = 1800) =>
    operation('cart', start, { observed, replica: 'replica-2' });

  test('lost: acknowledged, and in no later response', () => {
    expect(found([...good, later([1])])).toEqual({ 'lost-write': 1 });
    expect(wordsOf('lost-write', [...good.filter((one) => one !== cart), later([1])])).toMatchObject({
      summary: 'user-0001 got item 2 acknowledged by replica-2; 0.195 s later replica-2 showed the cart without it',
    });
  });

  test('lost: each is counted once', () => {
    expect(found([...good, later([]), later([], 1900)])).toEqual({ 'lost-write': 2 });
  });

  test('a false success: lost, and acknowledged while Redis was away', () => {
    const claimed = operation('add', 1300, { status: 201, value: 3, observed: [1, 3] });
    const history = [...good.slice(0, 5), claimed, ...others, later([1]), again, preferences];
    expect(found(history, { faults: [outage] })).toEqual({ 'lost-write': 1, 'false-success': 1 });
  });

  test('stale: a later response has it after all', () => {
    expect(found([...good, later([1]), later([1, 2], 1900)])).toEqual({ 'stale-read': 1 });
  });

  test('a cart in an order that the adds do not allow', () => {
    const order = { ...during, observed: [1] };
    expect(
      found([login, add1, prefer, before, order, { ...add2, observed: [2, 1] }, again, preferences, ...others]),
    ).toEqual({ 'diverging-cart': 1 });
  });

  test("a response that overlaps a logout holds no other session's data, and nothing twice", () => {
    const logout = operation('logout', 2100, { status: 204, end: 2150 });
    const shown = (observed: (number | string)[]) => found([...good, logout, operation('cart', 2120, { observed })]);
    expect(shown([1])).toEqual({});
    expect(shown([])).toEqual({});
    expect(shown([1, 9])).toEqual({ phantom: 1 });
    expect(shown([1, 2, 2])).toEqual({ duplicate: 1 });
    const other = operation('add', 150, { session: 'user-0002.1', value: 7, status: 201, observed: [7] });
    expect(found([...good, other, logout, operation('cart', 2120, { observed: [1, 'user-0002.1.7'] })])).toEqual({
      leak: 1,
    });
    const preference = operation('preferences', 2120, { observed: ['user-0002.1.7'] });
    expect(found([...good, logout, preference])).toEqual({ phantom: 1 });
  });

  test('a repeated read counts from the repeat, not from the first try', () => {
    const closed = operation('cart', 1590, { status: null, outcome: 'unknown', error: 'closed', replica: null });
    const repeat = operation('cart', 1650, { observed: [1], repeatOf: closed.id });
    expect(found([...good, closed, repeat])).toEqual({ 'stale-read': 1 });
  });

  test('duplicate: added once, returned twice', () => {
    expect(found([...good, later([1, 2, 2])])).toEqual({ duplicate: 1 });
  });

  test('a write repeated with its key is one write', () => {
    const unknown = operation('add', 1770, { status: 503, outcome: 'unknown', value: 3 });
    const repeat = operation('add', 1800, { status: 201, value: 3, observed: [1, 2, 3], repeatOf: unknown.id });
    const seen = operation('cart', 1774, { observed: [1, 2, 3] });
    // The stored response is from the first time: it lacks what others have added since.
    const newer = operation('add', 1780, { status: 201, value: 4, observed: [1, 2, 3, 4] });
    const looks = [newer, { ...later([1, 2, 3, 4], 1900), id: nextId() }];
    const outages = { faults: [{ ...outage, end: 1800 }] };
    expect(found([...good, unknown, repeat, seen, ...looks], outages)).toEqual({});
  });

  test('a value that no user wrote, or whose write was refused', () => {
    expect(found([...good, later([1, 2, 9])])).toEqual({ phantom: 1 });
    const refused = operation('add', 1770, { status: 503, outcome: 'fail', value: 3 });
    expect(found([...good, refused, later([1, 2, 3])])).toEqual({ 'aborted-write': 1, 'failed-request': 1 });
  });

  test('a response without its own write', () => {
    const denied = { 'denied-write': 1 };
    expect(
      found([...good, operation('add', 1770, { value: 3, status: 201, observed: [1, 2] }), later([1, 2, 3])]),
    ).toMatchObject(denied);
    expect(found([...good, operation('prefer', 1770, { value: 2, observed: [1] })])).toMatchObject(denied);
    expect(found([...good, operation('remove', 1770, { value: 1, observed: [1, 2] })])).toMatchObject(denied);
  });

  test('an add to a session that has ended may be refused by a second replica after the first did it', () => {
    const retried = operation('add', 1770, { end: 2300, status: 401, outcome: 'fail', value: 3 });
    const logout = operation('logout', 2100, { status: 204 });
    expect(found([...good, retried, later([1, 2, 3]), logout])).toEqual({});
  });

  test('a cart with removals: refused, in two orders, or undone', () => {
    const remove = operation('remove', 1770, { value: 1, observed: [2] });
    const refused = operation('add', 1780, { status: 503, outcome: 'fail', value: 3 });
    const excused = { faults: [{ ...outage, end: 1780 }] };
    expect(found([...good, remove, refused, later([2, 3])], excused)).toEqual({ 'aborted-write': 1 });
    const two = [operation('add', 1780, { value: 3, observed: [2, 3] }), later([2, 3])];
    expect(found([...good, remove, ...two, later([3, 2], 1900)])).toEqual({ 'diverging-cart': 1 });
    const unknown = operation('remove', 1770, { value: 1, status: 503, outcome: 'unknown' });
    expect(found([...good, unknown, later([2]), later([1, 2], 1900)], excused)).toEqual({ 'lost-write': 1 });
  });

  test('a lost removal, and an intact one', () => {
    const remove = operation('remove', 1770, { value: 1, observed: [2] });
    expect(found([...good, remove, later([2])])).toEqual({});
    expect(found([...good, remove, later([1, 2])])).toEqual({ 'lost-write': 1 });
    expect(found([...good, remove, later([1, 2]), later([2], 1900)])).toEqual({ 'stale-read': 1 });
    // Removed items must be absent, others present.
    expect(found([...good, remove, later([])])).toEqual({ 'lost-write': 1 });
  });

  test('a lost or stale preference', () => {
    const second = operation('prefer', 1770, { value: 2, observed: [2] });
    const read = (observed: (number | string)[], start: number) => operation('preferences', start, { observed });
    expect(found([...good, second, read([2], 1800)])).toEqual({});
    expect(found([...good, second, read([1], 1800)])).toEqual({ 'lost-write': 1 });
    expect(found([...good, second, read([1], 1800), read([2], 1900)])).toEqual({ 'stale-read': 1 });
    expect(found([...good, second, read([], 1800)])).toEqual({ 'lost-write': 1 });
  });

  test('a preference that was refused yet returned, or reappears after it was replaced', () => {
    const refused = operation('prefer', 1770, { value: 2, status: 503, outcome: 'fail' });
    const excused = { faults: [{ ...outage, end: 1780 }] };
    const read = (observed: (number | string)[], start: number) => operation('preferences', start, { observed });
    expect(found([...good, refused, read([2], 1800)], excused)).toEqual({ 'aborted-write': 1 });
    const unknown = { ...refused, outcome: 'unknown' as const };
    const third = operation('prefer', 1820, { value: 3, observed: [3] });
    expect(found([...good, unknown, read([2], 1800), third, read([3], 1830)], excused)).toEqual({});
    expect(found([...good, unknown, read([2], 1800), third, read([2], 1830)], excused)).toEqual({ 'lost-write': 1 });
    const both = [{ ...third, end: 1900 }, operation('prefer', 1820, { end: 1900, value: 4, observed: [4] })];
    const flicker = [read([3], 1950), read([4], 1960), read([3], 1970)];
    expect(found([...good, ...both, ...flicker])).toEqual({ 'non-linearizable': 1 });
  });
});

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

test('two concurrent faults have both budgets', () => {
  const slow = operation('whoami', 1100, { end: 2600 });
  const both = [{ ...outage }, { ...outage, fault: 'kill-replica' }];
  expect(found([...good, slow], { faults: both })).toEqual({});
  expect(found([...good, slow], { faults: both.slice(1) })).toEqual({ 'slow-response': 1 });
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

describe('a failover', () => {
  const failover = {
    ...outage,
    fault: 'redis-failover',
    start: 1000,
    end: 1500,
    impactBudget: { ...all, mayForgetUnknown: true as const },
  };
  const faults = [failover];
  const unsure = operation('add', 1100, { value: 3, outcome: 'unknown', status: 503 });
  const seen = operation('cart', 1300, { observed: [1, 3], replica: 'replica-2' });
  const acknowledged = operation('add', 1310, { status: 201, value: 4, observed: [1, 3, 4] });
  const after = operation('cart', 2600, { observed: [1, 2, 4], replica: 'replica-2' });
  const without = good.filter((one) => one !== during && one !== add2 && one !== cart);

  test('may forget a change of unknown outcome that was seen', () => {
    const lost = operation('cart', 2600, { observed: [1], replica: 'replica-2' });
    expect(found([...without, unsure, seen, lost], { faults })).not.toHaveProperty('lost-write');
    expect(found([...without, unsure, seen, lost], { faults: [{ ...failover, impactBudget: all }] })).toHaveProperty(
      'lost-write',
    );
  });

  test('forgets nothing that was acknowledged meanwhile, nor what was seen before', () => {
    const lost = operation('cart', 2600, { observed: [1], replica: 'replica-2' });
    expect(found([...without, unsure, seen, acknowledged, lost], { faults })).toMatchObject({ 'lost-write': 1 });
    expect(found([...without, unsure, seen, acknowledged, { ...after, observed: [1, 4] }], { faults })).toEqual({});
    const early = operation('cart', 900, { observed: [1, 3], replica: 'replica-2' });
    const unsureEarly = { ...unsure, start: 800, end: 805 };
    expect(found([...without, unsureEarly, early, lost], { faults })).toHaveProperty('lost-write');
  });
});
