import { describe, expect, test } from 'vitest';
import type { FaultRecord, History, Operation } from '../users/history.ts';
import { judge } from './judge.ts';

const none = { failures: 'none', stallMs: 500, answerMs: 1000 } as const;
const all = { failures: 'all', stallMs: null, answerMs: 1000 } as const;

const kill: FaultRecord = {
  fault: 'kill-replica',
  target: 'replica',
  targets: ['replica-1'],
  start: 1000,
  end: 1500,
  evidence: 'replica-1 is gone',
  impactBudget: none,
};
const outage: FaultRecord = { ...kill, fault: 'redis-outage', target: 'redis', targets: ['redis'], impactBudget: all };

let ids = 0;
function operation(kind: Operation['kind'], start: number, more: Partial<Operation> = {}): Operation {
  ids += 1;
  const base = { id: ids, session: 'user-0001.1', kind, start, end: start + 5, outcome: 'ok', status: 200 } as const;
  return { ...base, replica: 'replica-1', ...more };
}

/** A user logs in, adds an item before and after the fault, and reads both: a correct history. */
const login = operation('login', 100, { sessionIds: [null, 'a'] });
const add1 = operation('add', 200, { status: 201, value: 1, observed: [1] });
const prefer = operation('prefer', 300, { value: 1, observed: [1] });
const before = operation('profile', 900, { observedUser: 'user-0001' });
const during = operation('cart', 1250, { observed: [1], replica: 'replica-2' });
const add2 = operation('add', 1600, { status: 201, value: 2, observed: [1, 2], replica: 'replica-2' });
const cart = operation('cart', 1700, { observed: [1, 2], replica: 'replica-2' });
const again = operation('profile', 1750, { observedUser: 'user-0001', replica: 'replica-2' });
const preferences = operation('preferences', 1760, { observed: [1], replica: 'replica-2' });
/** Leaves no time without a success. */
const others = [600, 1200, 1400, 2000].map((start) => operation('whoami', start, { session: 'user-0001.1' }));
const good = [login, add1, prefer, before, during, add2, cart, again, preferences, ...others];

function judged(operations: Operation[], more: Partial<History> = {}) {
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
function found(operations: Operation[], more: Partial<History> = {}) {
  const { checks } = judged(operations, more);
  return Object.fromEntries(checks.filter(({ count }) => count > 0).map(({ name, count }) => [name, count]));
}

function wordsOf(name: string, operations: Operation[], more: Partial<History> = {}) {
  return judged(operations, more).checks.find((check) => check.name === name)?.violations[0];
}

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
    expect(found([...good, loggedOut, { ...loggedOut, id: ++ids, start: 1900, end: 1905 }])).toEqual({
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
    const looks = [newer, { ...later([1, 2, 3, 4], 1900), id: ++ids }];
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

  test('a stall that ends with or after a fault is not counted twice', () => {
    const longer = operation('whoami', 2010, { end: 5200 });
    const outageAt = (start: number, end: number) => ({ faults: [{ ...outage, start, end }] });
    expect(found([...good, longer], outageAt(5190, 5195))).toMatchObject({ stall: 1 });
    expect(found([...good, longer], outageAt(2000, 2100))).toMatchObject({ stall: 1 });
    expect(judged([...good, longer], outageAt(5190, 5195)).longestStallMs).toBe(3180);
    expect(found([...good, longer], outageAt(2000, 5000))).not.toHaveProperty('stall');
  });

  test('a replica that is up at the end and gets no requests', () => {
    const many = Array.from({ length: 60 }, (_, index) => operation('whoami', 2400 + 40 * index));
    expect(found([...good, ...many], { replicasAtEnd: ['replica-1', 'replica-2', 'replica-3'] })).toEqual({
      'idle-replica': 1,
    });
    expect(found([...good, ...many.slice(10)], { replicasAtEnd: ['replica-1', 'replica-2', 'replica-3'] })).toEqual({});
  });

  test("a stall outside the fault's budget: users waited without a success", () => {
    const late = operation('whoami', 2010, { end: 2600 });
    expect(found([...good, late])).toEqual({ stall: 1 });
    expect(found([...good, { ...late, start: 2590 }])).toEqual({});
    expect(found([...good, late], { faults: [{ ...kill, impactBudget: { ...none, stallMs: 3000 } }] })).toEqual({});
  });
});

describe('a stall: some user waits, and none gets a success', () => {
  const refused = (start: number) =>
    operation('cart', start, { status: null, outcome: 'unknown', error: 'ECONNREFUSED' });
  const stallsOf = (operations: Operation[], more: Partial<History> = {}) => {
    const { longestStallMs, longestExcusedStallMs, checks } = judged(operations, more);
    return [longestStallMs, longestExcusedStallMs, checks.find(({ name }) => name === 'stall')?.violations[0]?.summary];
  };

  test('a user who asks nothing does not wait', () => {
    expect(stallsOf([...good, operation('whoami', 60_000)])[0]).toBeLessThan(500);
  });

  test('until the end of the run, if the site stops answering before', () => {
    const tries = Array.from({ length: 400 }, (_, index) => refused(2100 + 300 * index));
    const [longest, excused, summary] = stallsOf([...good, ...tries]);
    expect([longest, excused]).toEqual([2100 + 300 * 399 + 5 - 2100, 0]);
    expect(summary).toBe('no user got a success for 119705 ms (limit 500) from 2.0 s on, the end of the run');
  });

  test('before the first success', () => {
    const late = good.map((one) => ({ ...one, start: one.start + 5000, end: one.end + 5000 }));
    const kills = [{ ...kill, start: 6000, end: 6500 }];
    expect(stallsOf(late, { faults: kills })[2]).toBeUndefined();
    const early = [refused(100), refused(2000), ...late];
    expect(stallsOf(early, { faults: kills })).toEqual([5005, 0, expect.stringContaining('from 0.0 s on')]);
  });

  test('after a failure until the next request of the same user, whatever others do', () => {
    const user = { session: 'user-0002.1' };
    const other = { ...operation('whoami', 4000), ...user };
    expect(stallsOf([...good, { ...refused(2100), ...user }, other])[0]).toBe(1905);
    expect(stallsOf([...good, refused(2100), other])[0]).toBe(1905); // user-0001 sends no more: it waits until the end
    const seen401 = operation('profile', 2100, { status: 401, outcome: 'fail' });
    expect(stallsOf([...good, seen401, other])[0]).toBeLessThan(500); // that was an answer
  });

  test('what the budget of a fault excuses is counted by itself', () => {
    const away = { ...outage, start: 2100, end: 4000 };
    const tries = [2200, 2500, 2800, 3100, 3400, 3700].map((start) => refused(start));
    const faults = [{ ...away, targets: ['nginx'] }];
    const [longest, excused, summary] = stallsOf([...good, ...tries, operation('cart', 4010, { observed: [1, 2] })], {
      faults,
    });
    expect([longest, excused, summary]).toEqual([expect.toSatisfy((ms) => ms < 500), 1815, undefined]);
  });
});

describe('a replica that hangs: users are served as before once it is set aside', () => {
  const steady = { afterMs: 3000, throughput: 0.9, p99Ms: 250 };
  const hang = {
    ...kill,
    fault: 'hang-replica',
    start: 6000,
    end: 16_000,
    impactBudget: { ...none, stallMs: 3000, steady },
  };
  /** One request every 20 ms, of which replica-1 answers every second one, except while it hangs. */
  const asked = (
    from: number,
    to: number,
    every = 20,
    more: (start: number, index: number) => Partial<Operation> = () => ({}),
  ) =>
    Array.from({ length: (to - from) / every }, (_, index) => {
      const start = from + every * index;
      const isAway = start >= hang.start && start < hang.end + 4000;
      return operation('whoami', start, { replica: `replica-${isAway ? 2 : 1 + (index % 2)}`, ...more(start, index) });
    });
  const degraded = (operations: Operation[], fault: FaultRecord = hang) => {
    const { checks } = judged([...good, ...operations], { faults: [fault] });
    const check = checks.find(({ name }) => name === 'degraded-service');
    return [check?.checked, ...(check?.violations.map(({ summary }) => summary) ?? [])];
  };

  test('as many successes as before, and its share again afterwards', () => {
    expect(degraded(asked(1000, 28_000))).toEqual([1]);
  });

  test('fewer successes than 90 % of those before', () => {
    const fewer = [...asked(1000, 9000), ...asked(9000, 16_000, 25), ...asked(16_000, 28_000)];
    const summary = expect.stringMatching(/^hang-replica: users got 7\d % of the 5\d successes per second before it$/);
    expect(degraded(fewer)).toEqual([1, summary]);
  });

  test('more than one of a hundred responses is slow', () => {
    const slow = (every: number) =>
      asked(1000, 28_000, 20, (start, index) => {
        return start > 9000 && start < 16_000 && index % every === 0 ? { end: start + 2000 } : {};
      });
    expect(degraded(slow(200))).toEqual([1]);
    expect(degraded(slow(50))).toEqual([1, 'hang-replica: p99 was 2000 ms (limit 250)']);
  });

  test('a replica that is back has less than half its share ten seconds later', () => {
    const avoided = asked(1000, 28_000, 20, (start, index) =>
      start > 16_000 && index % 10 > 0 ? { replica: 'replica-2' } : {},
    );
    expect(degraded(avoided)).toEqual([1, 'hang-replica: 10 s after it, replica-1 served 10 of 100 requests']);
    expect(degraded(avoided.filter(({ start }) => start < 24_000))).toEqual([1]); // the run is over before
  });

  test('what lasted too short is not examined', () => {
    expect(degraded(asked(1000, 15_000), { ...hang, end: 9500 })).toEqual([0]);
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

test("while the users' own process stalls, no response counts as late", () => {
  const late = operation('whoami', 2010, { end: 2600 });
  expect(found([...good, late])).toEqual({ stall: 1 });
  expect(found([...good, late], { eventLoopStalls: [{ start: 2100, end: 2400 }] })).toEqual({});
});

test('recovery later than a second after the fault', () => {
  const after = operation('whoami', 1600, { end: 3000 });
  const [early, late] = [good.filter(({ end }) => end < 1500), good.filter(({ start }) => start >= 3000)];
  const look = [operation('cart', 3010, { observed: [1] }), operation('profile', 3020, { observedUser: 'user-0001' })];
  expect(found([...early, after, ...look, ...late], { faults: [outage] })).toEqual({
    'slow-recovery': 1,
    'slow-response': 1,
  });
});

test('a fault that ends while another lasts is not late because of the other', () => {
  const hang = { ...outage, fault: 'redis-pause', start: 500, end: 2900, impactBudget: all };
  const killed = { ...kill, impactBudget: { ...none, stallMs: 5000 } };
  const [early, late] = [good.filter(({ end }) => end < 1000), operation('whoami', 1100, { end: 2950 })];
  const look = [operation('cart', 3010, { observed: [1] }), operation('profile', 3020, { observedUser: 'user-0001' })];
  expect(found([...early, late, ...look], { faults: [hang, killed] })).toEqual({});
  expect(found([...early, late, ...look], { faults: [killed] })).toMatchObject({ 'slow-recovery': 1 });
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
