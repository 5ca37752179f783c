import { expect, test } from 'vitest';
import { startCommand } from '../deploy/fleet/testing.ts';

async function survive(...args: string[]) {
  const { exited, out } = startCommand('load/survive.ts', ['--users', '50', '--seconds', '4', ...args]);
  const code = await exited;
  return { code, out: out() };
}

test.each(['durable', 'plain'])('kill-replica: %s loses no session and fails no request', async (store) => {
  const { code, out } = await survive('--plan', 'kill-replica', '--store', store, '--json');
  const report = JSON.parse(out);
  expect({ code, verdict: report.verdict, reasons: report.reasons }).toEqual({ code: 0, verdict: 'pass', reasons: [] });
  expect(report).toMatchObject({ sessions: { checked: 50, lost: 0 }, requests: { failed: 0 }, writes: { lost: 0 } });
  expect(report.writes.checked).toBeGreaterThan(50);
});

test('kill-replica: memory loses sessions, and the verdict says how many and why', async () => {
  const { code, out } = await survive('--plan', 'kill-replica', '--store', 'memory');
  expect(code).toBe(1);
  expect(out).toMatch(/FAIL: \d+ sessions lost, \d+ acknowledged writes lost/);
  expect(out).toMatch(/user-\d+ logged in at replica-\d; [\d.]+ s later replica-\d answered: nobody is logged in/);
});

test('interrupted, it leaves nothing behind and has no verdict', async () => {
  const { child, exited, out } = startCommand('load/survive.ts', ['--users', '10']);
  child.stdout.on('data', () => out().includes('logged in') && child.kill('SIGINT'));
  expect(await exited).toBe(2);
  expect(out()).not.toMatch(/PASS|FAIL/);
});

test('an unknown plan is a clear error', async () => {
  const { code, out } = await survive('--plan', 'earthquake');
  expect(code).toBe(1);
  expect(out).toMatch(/Allowed choices are kill-replica/);
});
