import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import type { Fault } from '../faults/fault.ts';
import { faults } from '../faults/index.ts';
import { toReport } from './json.ts';
import schema from './report.schema.json' with { type: 'json' };
import { createSample, createSampleReport } from '../../test/sample-report.ts';

const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true, formats: { 'date-time': true } }).compile(
  schema,
);

/** As read from report.json. */
function reportOf(verdict: 'pass' | 'fail' | 'unknown'): Record<string, unknown> {
  return JSON.parse(JSON.stringify(createSampleReport({ verdict, seconds: 20, perSecond: 400 })));
}

test.each(['pass', 'fail', 'unknown'] as const)('a report of a %s conforms to the schema', (verdict) => {
  validate(reportOf(verdict));
  expect(validate.errors).toBeNull();
});

test.each(Object.entries<Fault>(faults))('the budget of %s conforms to the schema', (name, { impactBudget }) => {
  const report = reportOf('pass') as { faults: object[] };
  validate({ ...report, faults: report.faults.map((fault) => ({ ...fault, fault: name, impactBudget })) });
  expect(validate.errors).toBeNull();
});

test('the schema refuses unknown and missing properties', () => {
  const { seed: _, ...report } = reportOf('pass');
  expect(validate({ ...report, surprise: 1 })).toBe(false);
  expect(validate.errors?.map(({ message }) => message)).toEqual([
    "must have required property 'seed'",
    'must NOT have additional properties',
  ]);
});

test('a report has everything of the history except its requests', () => {
  const { history, judgement } = createSample({ seconds: 20 });
  const report = toReport(history, judgement);
  expect(report).not.toHaveProperty('operations');
  expect(report).toMatchObject({
    seed: history.seed,
    skipped: history.skipped,
    environment: history.environment,
    ...judgement,
  });
  expect(report.seconds).toBeCloseTo(20, 0);
});

test('each fault reports what was at risk', () => {
  const [kill, , pause] = createSampleReport({ seconds: 20 }).atRisk;
  expect(kill).toMatchObject({ fault: 'kill-replica', sessionsOpen: 200, served: [{ target: 'replica-2' }] });
  expect(kill?.served[0]?.answers).toBeGreaterThan(300);
  expect(kill?.underWay).toBeGreaterThan(0);
  expect(pause?.served).toEqual([{ target: 'redis', answers: null }]);
});
