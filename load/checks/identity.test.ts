import { expect, test } from 'vitest';
import { all, found, good, judged, kill, operation, wordsOf } from '../../test/sample-history.ts';
import type { StreamRecord } from '../users/history.ts';

const logout = operation('logout', 2100, { status: 204 }); // known at 2105
const operations = [...good, logout];
const stream = { session: 'user-0001.1', replica: 'replica-2', start: 150, end: 2100, wasOpen: false };
const streamOf = (more: Partial<StreamRecord>) => ({ streams: [{ ...stream, ...more }] });

test.each([
  ['ended with its session', {}, 1],
  ['ended a second later', { end: 3105 }, 1],
  ['opened after the logout, and ended within a second', { start: 2200, end: 3200 }, 1],
  ['ended long before: its replica was killed', { end: 1000 }, 0],
  ['of a session without a logout', { session: 'user-0001.9', end: 9000 }, 0],
])('a stream that %s outlives nothing', (_, more, checked) => {
  expect(found(operations, streamOf(more))).toEqual({});
  const check = judged(operations, streamOf(more)).checks.find(({ name }) => name === 'outliving-stream');
  expect(check?.checked).toBe(checked);
});

test('a stream that is open longer than a second after its logout fails the run', () => {
  expect(found(operations, streamOf({ end: 3106 }))).toEqual({ 'outliving-stream': 1 });
  expect(found(operations, streamOf({ start: 2200, end: 3201 }))).toEqual({ 'outliving-stream': 1 });
  expect(wordsOf('outliving-stream', operations, streamOf({ end: 3605, wasOpen: true }))).toEqual({
    summary: 'user-0001.1 was logged out, and its stream from replica-2 was still open 1.5 s later',
    operations: [logout],
  });
});

test('while its replica, nginx or Redis is broken, it has the time after which a replica gives up', () => {
  const late = { ...kill, start: 2000, end: 4000, impactBudget: all };
  const during = (fault: object, end: number) =>
    found(operations, { ...streamOf({ end }), faults: [{ ...late, ...fault }] });
  for (const targets of [['replica-2'], ['redis'], ['nginx']]) {
    expect(during({ targets }, 9605)).not.toHaveProperty('outliving-stream');
    expect(during({ targets }, 9606)).toMatchObject({ 'outliving-stream': 1 });
  }
  expect(during({ targets: ['replica-1'] }, 3106)).toMatchObject({ 'outliving-stream': 1 });
  // A fault that is over explains nothing.
  expect(during({ targets: ['redis'], start: 500, end: 1000 }, 3106)).toMatchObject({ 'outliving-stream': 1 });
});
