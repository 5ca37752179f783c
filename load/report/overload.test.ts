import { expect, test } from 'vitest';
import { createSampleReport } from '../../test/sample-report.ts';
import { overloadOf } from './overload.ts';
import { renderTerminal } from './terminal.ts';

const plain = { style: (_format: string, text: string) => text, width: Infinity };
const calm = { processors: 2, loadAverage: 3.9, redisPingMs: 40 };
const fail = { ...createSampleReport({ verdict: 'fail' }), eventLoopStalls: [], seconds: 10, machine: calm };

test.each([
  [{ machine: { ...calm, loadAverage: 11.26 } }, 'the load average reached 11.3 on 2 processors'],
  [{ machine: { ...calm, redisPingMs: 130 } }, 'Redis took up to 130 ms to answer a ping'],
  [{ eventLoopStalls: [{ start: 0, end: 300 }] }, 'the users’ own process stalled 1 time, 300 ms in total'],
])('%o is named under a FAIL', (more, sign) => {
  expect(overloadOf({ ...fail, ...more })).toContain(`The machine was overloaded: ${sign}.`);
  expect(renderTerminal({ ...fail, ...more }, plain)).toContain(`FAIL: `);
  expect(renderTerminal({ ...fail, ...more }, plain)).toContain(sign);
  expect(renderTerminal({ ...fail, ...more, verdict: 'pass' }, plain)).not.toContain('overloaded');
});

test('a quiet machine, and one that was not watched, are no excuse', () => {
  expect(overloadOf(fail)).toBeUndefined();
  const { machine: _, ...unknown } = fail;
  expect(overloadOf(unknown)).toBeUndefined();
});
