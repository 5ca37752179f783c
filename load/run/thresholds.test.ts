import { expect, test } from 'vitest';
import { createSample } from '../../test/sample-report.ts';
import { toReport } from '../report/json.ts';
import { toJUnit } from '../report/junit.ts';
import { applyThresholds } from './thresholds.ts';

const { history, judgement } = createSample({ verdict: 'pass' }); // p99 284.6 ms, longest stall 412.7 ms

test('limits that hold are checks that hold', () => {
  const { verdict, reasons, checks } = applyThresholds(judgement, { maxP99: 300, maxStall: 500 });
  expect({ verdict, reasons }).toEqual({ verdict: 'pass', reasons: [] });
  expect(checks.slice(-2)).toMatchObject([
    { name: 'max-p99', holds: 'p99 at most 300 ms', count: 0, checked: expect.any(Number) },
    { name: 'max-stall', holds: 'longest stall at most 500 ms', count: 0 },
  ]);
});

test('one that is exceeded fails the run, and says by how much', () => {
  const failed = applyThresholds(judgement, { maxP99: 200, maxStall: 500 });
  expect(failed).toMatchObject({ verdict: 'fail', reasons: ['p99 285 ms, above 200 ms'] });
  expect(toJUnit(toReport(history, failed))).toContain('<failure message="1 p99 above 200 ms');
});

test('none that is not set, and no reason is lost', () => {
  expect(applyThresholds(judgement, {})).toBe(judgement);
  const bad = createSample({ verdict: 'fail' }).judgement;
  expect(applyThresholds(bad, { maxStall: 100 }).reasons).toEqual([
    ...bad.reasons,
    'longest stall 413 ms, above 100 ms',
  ]);
});
