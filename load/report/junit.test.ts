import { expect, test } from 'vitest';
import type { Report } from './json.ts';
import { toJUnit } from './junit.ts';
import { createSampleReport } from '../../test/sample-report.ts';

function junitOf(verdict: 'pass' | 'fail' | 'unknown', change: (report: Report) => void = () => {}): string {
  const report = createSampleReport({ verdict, seconds: 10 });
  change(report);
  return toJUnit(report);
}

test('a pass has neither failures nor errors', () => {
  const junit = junitOf('pass');
  expect(junit).toContain(
    '<testsuite name="unsticky.demo.durable" tests="29" failures="0" errors="0" skipped="2" time="10.',
  );
  expect(junit).toContain(
    '<testcase classname="unsticky.demo.durable" name="fault 1 kill-replica of replica-2" time="1.000"><system-out>at 1.000 s: replica-2',
  );
  expect(junit).toContain(
    'name="fault redis-failover" time="0.000"><skipped message="not supported by the local fleet: a second Redis">',
  );
  expect(junit).toContain('name="false-success" time="0.000"><skipped message="nothing to check">');
});

test('a check that found something is a failure with its first violations', () => {
  const junit = junitOf('fail');
  expect(junit).toContain('failures="4" errors="0"');
  expect(junit).toContain(
    'name="lost-write" time="0.000"><failure message="137 acknowledged writes lost, 5,630 checked">',
  );
  expect(junit).toContain('and 127 more in the history</failure>');
});

test('a run without a verdict is an error', () => {
  expect(junitOf('unknown')).toContain(
    'name="evidence" time="0.000"><error message="this run proves nothing">no fault was injected, so nothing was at risk</error>',
  );
});

test('a fault that did not land or heal is an error', () => {
  const junit = junitOf('pass', ({ faults }) => {
    Object.assign(faults[0] ?? {}, { evidence: '', problem: 'no such process' });
    Object.assign(faults[1] ?? {}, { end: null });
  });
  expect(junit).toContain('errors="2"');
  expect(junit).toContain('no evidence that it landed; healed at 2.000 s; no such process');
});

test('a fail without a failed check is a failure', () => {
  const junit = junitOf('pass', (report) => Object.assign(report, { verdict: 'fail', reasons: ['something else'] }));
  expect(junit).toContain('name="evidence" time="0.000"><failure message="something else">');
});

test('the XML is well-formed for any text', () => {
  const junit = junitOf('pass', (report) => {
    report.plan = `<&>"'\n\u0000\u001B\uD800\uFFFF😀`;
  });
  expect(junit).toContain(
    '<testsuite name="unsticky.&lt;&amp;&gt;&quot;&apos;&#10;\uFFFD\uFFFD\uFFFD\uFFFD😀.durable"',
  );
});
