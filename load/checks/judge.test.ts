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
  login,
  nextId,
  operation,
  others,
  outage,
  prefer,
  preferences,
  wordsOf,
} from '../../test/sample-history.ts';

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
