import { expect, test } from 'vitest';
import { descendantsOf, isAlive, startCommand } from '../../test/fleet.ts';
import { waitFor } from '../../deploy/fleet/wait.ts';

const quick = ['metrics', '--rounds', '1', '--seconds', '1', '--connections', '4'];

/** The reaper ends shortly after the command. */
const haveEnded = (pids: number[]) =>
  waitFor('something is left running', async () => !pids.some(isAlive), { timeoutMs: 5000 });

test('both are measured, and no process is left running', async () => {
  const { child, exited, out } = startCommand(['bench', ...quick.slice(1), '--json']); // without a subject: all;
  const started = new Set<number>();
  const watch = setInterval(() => {
    for (const pid of descendantsOf(child.pid as number)) started.add(pid);
  }, 200);
  const code = await exited;
  clearInterval(watch);
  const { found } = JSON.parse(out());
  expect(found.metrics.map(({ work }: { work: string }) => work)).toEqual(['reads', 'writes']);
  for (const { subjects, cost, maxCost } of found.metrics) {
    expect(subjects.map(({ name }: { name: string }) => name)).toEqual(['metrics off', 'metrics on']);
    for (const { perSecond, cpuMicros } of subjects) {
      expect(perSecond.median).toBeGreaterThan(50);
      if (process.platform === 'linux') expect(cpuMicros.median).toBeGreaterThan(10);
    }
    expect({ cost, maxCost }).toEqual({ cost: expect.any(Number), maxCost: 0.03 });
  }
  // One short round on a busy machine does not measure the cost: check only that the exit code follows from it.
  const isMet = found.metrics.every(({ cost, maxCost }: { cost: number; maxCost: number }) => cost < maxCost);
  expect(code).toBe(isMet ? 0 : 1);
  expect(started.size).toBeGreaterThanOrEqual(3);
  await haveEnded([...started]);
});

test('an unknown subject and an early end are reported in one line', async () => {
  const wrong = startCommand(['bench', 'nothing']);
  expect(await wrong.exited).toBe(1);
  expect(wrong.out()).toMatch(/nothing.* must be one of metrics/i);

  const { child, exited, out } = startCommand(['bench', ...quick]);
  await waitFor('it did not begin', async () => out().includes('round 1 of 1: reads'), { timeoutMs: 20_000 });
  const started = descendantsOf(child.pid as number);
  child.kill('SIGINT');
  expect(await exited).toBe(2);
  expect(out()).toMatch(/unsticky: ended before all rounds were measured/);
  await haveEnded(started);
});
