import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { descendantsOf, isAlive, startCommand } from '../../test/fleet.ts';
import { waitFor } from '../../deploy/fleet/wait.ts';
import type { Finding } from '../../load/bench/pairs.ts';

const short = ['--rounds', '1', '--seconds', '0.5', '--connections', '4'];
const quick = ['metrics', 'replication', ...short];

/** The reaper ends shortly after the command. */
const haveEnded = (pids: number[]) =>
  waitFor('something is left running', async () => !pids.some(isAlive), { timeoutMs: 5000 });

/** An error of the command is printed instead of JSON: it is what the test should say. */
function parse(text: string) {
  expect(text).toMatch(/^\{/);
  return JSON.parse(text);
}

const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-test-'));
afterAll(() => rmSync(dir, { recursive: true }));

const nameAs = (pair: string) => (finding: object) => ({ pair, ...finding }) as Finding & { pair: string };

test('pairs: both are measured, and no process is left running', async () => {
  const { child, exited, out } = startCommand(['bench', ...quick, '--json']);
  const started = new Set<number>();
  const watch = setInterval(() => {
    for (const pid of descendantsOf(child.pid as number)) started.add(pid);
  }, 200);
  const code = await exited;
  clearInterval(watch);
  const { found } = parse(out());
  const names = { metrics: ['metrics off', 'metrics on'], replication: ['one Redis', 'sentinels'] };
  const limits = { metrics: [0.03, 0.03], replication: [0.03, null] };
  for (const pair of ['metrics', 'replication'] as const) {
    expect(found[pair].map(({ work }: { work: string }) => work)).toEqual(['reads', 'writes']);
    expect(found[pair].map(({ maxCost }: { maxCost: number | null }) => maxCost)).toEqual(limits[pair]);
  }
  const findings = [...found.metrics.map(nameAs('metrics')), ...found.replication.map(nameAs('replication'))];
  for (const { pair, subjects, cost } of findings) {
    expect(subjects.map(({ name }: { name: string }) => name)).toEqual(names[pair as keyof typeof names]);
    expect(cost).toEqual(expect.any(Number));
    for (const { perSecond, cpuMicros } of subjects) {
      expect(perSecond.median).toBeGreaterThan(50);
      if (process.platform === 'linux') expect(cpuMicros.median).toBeGreaterThan(10);
    }
  }
  // One short round on a busy machine does not measure the cost: check only that the exit code follows from it.
  const isMet = findings.every(({ cost, maxCost }) => maxCost === null || cost < maxCost);
  expect(code).toBe(isMet ? 0 : 1);
  expect(started.size).toBeGreaterThanOrEqual(3);
  await haveEnded([...started]);
});

test('sessions: each set-up keeps what it is given, and is compared with the others', async () => {
  const args = ['bench', 'sessions', ...short, '--only', 'article,layer', '--report', dir, '--json'];
  const { exited, out } = startCommand(args);
  const code = await exited;
  const { found, pass } = parse(out());
  const { subjects, goals } = found.sessions;
  expect(subjects.map(({ name }: { name: string }) => name)).toEqual(['article', 'layer']);
  for (const { samples, redisBytesPerSession } of subjects) {
    expect(Object.keys(samples)).toEqual(['reads', 'writes']);
    for (const [{ perSecond, redisCommands, p99 }] of Object.values(samples) as (typeof samples)[]) {
      expect(perSecond).toBeGreaterThan(50);
      expect(p99).toBeGreaterThanOrEqual(0);
      expect(redisCommands).toBeGreaterThan(0.9);
    }
    expect(redisBytesPerSession).toBeGreaterThan(100);
  }
  // Which are met is not for a short round to say; goals against others than these are left out.
  expect(goals.map(({ of, than }: { of: string; than: string }) => `${of}/${than}`)).toEqual(
    Array.from({ length: 4 }, () => 'layer/article'),
  );
  expect({ code, pass }).toEqual(
    goals.every(({ isMet }: { isMet: boolean }) => isMet) ? { code: 0, pass: true } : { code: 1, pass: false },
  );
  expect(JSON.parse(readFileSync(path.join(dir, 'bench.json'), 'utf8'))).toEqual(parse(out()));
  expect(existsSync(path.join(dir, 'bench.html'))).toBe(true);
});

test('scale: a part of it alone, without what all of it means for capacity', async () => {
  const args = ['bench', 'scale', ...short, '--only', 'writers', '--report', dir, '--json'];
  const { exited, out } = startCommand(args);
  await exited;
  const { points, costs } = parse(out()).found.scale;
  const found = points.map(({ axis, value }: { axis: string; value: number }) => `${axis} ${value}`);
  expect(found).toEqual(['writers 1', 'writers 4', 'writers 16', 'writers 64']);
  for (const { samples } of points) expect(samples.writes[0].perSecond).toBeGreaterThan(50);
  expect(costs).toBeUndefined();
});

test('an unknown subject and an early end are reported in one line', async () => {
  const wrong = startCommand(['bench', 'nothing']);
  expect(await wrong.exited).toBe(1);
  expect(wrong.out()).toMatch(/nothing.* must be one of sessions, scale, metrics/i);
  const unknown = startCommand(['bench', 'sessions', '--only', 'article,layers']);
  expect(await unknown.exited).toBe(1);
  expect(unknown.out()).toMatch(/There is no layers: name some of http, express, article, layer, /);

  const other = startCommand(['bench', 'scale', '--only', 'article']);
  expect(await other.exited).toBe(2);
  expect(other.out()).toMatch(/--only article names no part of scale/);
  const tooShort = startCommand(['bench', 'metrics', '--seconds', '0.4']);
  expect(await tooShort.exited).toBe(1);
  expect(tooShort.out()).toMatch(/It must be a number from 0.5 to 3600/);

  const { child, exited, out } = startCommand(['bench', ...quick]);
  await waitFor('it did not begin', async () => out().includes('round 1 of 1: reads'), { timeoutMs: 20_000 });
  const started = descendantsOf(child.pid as number);
  child.kill('SIGINT');
  expect(await exited).toBe(2);
  expect(out()).toMatch(/unsticky: ended before all rounds were measured/);
  await haveEnded(started);
});
