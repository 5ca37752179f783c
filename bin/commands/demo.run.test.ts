import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../../deploy/fleet/wait.ts';
import { makeDir, startCommand } from '../../test/fleet.ts';

/** Starts the demo in a folder of its own, and waits until its plan runs. */
async function startDemo() {
  const { dir: cwd, remove } = makeDir();
  const dir = path.join(cwd, 'fleet');
  const ports = ['--http', '0', '--https', '0', '--prometheus', '0', '--room', '0'];
  const demo = startCommand(['demo', '--dir', dir, ...ports], process.env, cwd);
  onTestFinished(async () => {
    demo.child.kill('SIGKILL');
    await demo.exited;
    remove();
  });
  await waitFor('no replica was killed', async () => /is gone after/.test(demo.out()), { timeoutMs: 30_000 });
  return { ...demo, dir, report: path.join(cwd, 'report/index.html') };
}

test('a demo whose fleet another command takes down ends within 5 s, with exit code 2 and a report', async () => {
  const { dir, exited, out, report } = await startDemo();
  expect(await startCommand(['down', '--dir', dir]).exited).toBe(0);
  const down = performance.now();
  expect(await exited, out()).toBe(2);
  expect(performance.now() - down).toBeLessThan(5000);
  expect(out()).toMatch(/^UNKNOWN: This run proves nothing: the run broke off: the fleet was taken down;/m);
  expect(existsSync(report)).toBe(true);
});
