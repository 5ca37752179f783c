import { describe, expect, test } from 'vitest';
import { found, good, judged, kill, none, operation } from '../../test/sample-history.ts';
import type { FaultRecord, Operation } from '../users/history.ts';

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
    expect(degraded(asked(100, 28_000))).toEqual([1]);
  });

  test('fewer successes than 90 % of those before', () => {
    const fewer = [...asked(100, 9000, 2), ...asked(9000, 16_000, 2.5), ...asked(16_000, 28_000, 2)];
    const summary = expect.stringMatching(
      /^hang-replica: users got (79|80) % of the 50\d successes per second before it$/,
    );
    expect(degraded(fewer)).toEqual([1, summary]);
  });

  test('fewer of so few that chance explains it', () => {
    expect(degraded([...asked(100, 9000), ...asked(9000, 16_000, 23), ...asked(16_000, 28_000)])).toEqual([1]);
  });

  test('with other faults before, the calm times between them count', () => {
    const earlier = { ...kill, start: 2500, end: 4500 };
    const busy = [...asked(100, 2500, 2), ...asked(2500, 4500, 0.5), ...asked(5500, 28_000, 2)];
    const { checks } = judged([...good, ...busy], { faults: [earlier, hang] });
    const check = checks.find(({ name }) => name === 'degraded-service');
    expect(check).toMatchObject({ checked: 1, violations: [] });
  });

  test('more than one of a hundred responses is slow', () => {
    const slow = (every: number) =>
      asked(100, 28_000, 20, (start, index) => {
        return start > 9000 && start < 16_000 && index % every === 0 ? { end: start + 2000 } : {};
      });
    expect(degraded(slow(200))).toEqual([1]);
    expect(degraded(slow(50))).toEqual([1, 'hang-replica: p99 was 2000 ms (limit 250)']);
  });

  test('a replica that is back has less than half its share ten seconds later', () => {
    const avoided = asked(100, 28_000, 20, (start, index) =>
      start > 16_000 && index % 10 > 0 ? { replica: 'replica-2' } : {},
    );
    expect(degraded(avoided)).toEqual([1, 'hang-replica: 10 s after it, replica-1 served 10 of 100 requests']);
    expect(degraded(avoided.filter(({ start }) => start < 24_000))).toEqual([1]); // the run is over before
  });

  test('what lasted too short is not examined', () => {
    expect(degraded(asked(100, 15_000), { ...hang, end: 9500 })).toEqual([0]);
  });
});

test('a replica that is up at the end and gets no requests', () => {
  const many = Array.from({ length: 60 }, (_, index) => operation('whoami', 2400 + 40 * index));
  expect(found([...good, ...many], { replicasAtEnd: ['replica-1', 'replica-2', 'replica-3'] })).toEqual({
    'idle-replica': 1,
  });
  expect(found([...good, ...many.slice(10)], { replicasAtEnd: ['replica-1', 'replica-2', 'replica-3'] })).toEqual({});
});
