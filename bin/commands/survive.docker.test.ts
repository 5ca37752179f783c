import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createComposeFleet } from '../../deploy/fleet/compose/fleet.ts';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { compose, startCompose } from '../../test/compose.ts';
import { startCommand } from '../../test/fleet.ts';
import { waitFor } from '../../deploy/fleet/wait.ts';
import type { Report } from '../../load/report/json.ts';

const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-test-'));
const fleet: Fleet = createComposeFleet(process.env);
let end = () => {};

beforeAll(async () => {
  process.env.LOG_LEVEL = 'warn';
  end = await startCompose('unsticky-survive-test');
});
afterAll(() => {
  end();
  rmSync(dir, { recursive: true, force: true });
});

test('sessions survive every fault that all fleets support, on containers', async () => {
  const args = ['--fleet', 'compose', '--plan', 'core', '--quick', '--users', '100', '--rate', '200', '--json'];
  const { exited, out } = startCommand(['survive', ...args, '--background', '0', '--report', dir]);
  const code = await exited;
  expect(out()).toMatch(/^\s*\{/); // else it says why it could not begin
  const report = JSON.parse(out()) as Report;
  expect({ code, verdict: report.verdict, reasons: report.reasons }).toEqual({ code: 0, verdict: 'pass', reasons: [] });
  expect(report.faults).toHaveLength(6);
  // nginx runs in a container: its log is read nevertheless.
  expect(report.checks.find(({ name }) => name === 'access-log-mismatch')?.checked).toBe(report.requests.total);
});

test('a fault that containers do not support is a one-line error', async () => {
  const { exited, out } = startCommand(['survive', '--fleet', 'compose', '--plan', 'delay-redis']);
  expect(await exited).toBe(2);
  expect(out()).toBe(
    'unsticky: delay-redis: not supported by the compose fleet: delaying the traffic between replicas and Redis\n',
  );
});

test('containers that are not up are a one-line error', async () => {
  const env = { ...process.env, COMPOSE_PROJECT_NAME: 'unsticky-absent' };
  const { exited, out } = startCommand(['survive', '--fleet', 'compose', '--report', dir], env);
  expect(await exited).toBe(2);
  expect(out()).toMatch(/^unsticky: nginx is not up: run "docker compose up --build --detach --wait"\n$/);
});

test('Ctrl-C, which the terminal sends to every process, leaves nothing broken', async () => {
  const args = [
    'bin/unsticky.ts',
    'survive',
    '--fleet',
    'compose',
    '--plan',
    'redis-outage',
    '--users',
    '20',
    '--rate',
    '60',
  ];
  // In a process group, as a terminal's.
  const child = spawn(process.execPath, [...args, '--report', path.join(dir, 'ended')], { detached: true });
  child.stderr.pipe(process.stderr);
  let said = '';
  child.stdout.setEncoding('utf8');
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (text: string) => {
      said += text;
      if (said.includes('Redis is down')) resolve();
    });
    child.once('close', () => resolve());
  });
  expect(await fleet.redis.ping(1000)).toBeNull();
  process.kill(-(child.pid as number), 'SIGINT');
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ code, said }).toEqual({
    code: 2,
    said: expect.stringMatching(
      /, interrupted.*UNKNOWN: .*: it was interrupted before its end(; the users' own process stalled during [a-z-]+)?\./s,
    ),
  });
  expect(await fleet.redis.ping(1000)).not.toBeNull();
});

test('docker compose run load: users only; a replica is killed by hand', async () => {
  compose('--profile', 'load', 'build', 'load');
  const folder = path.join(dir, 'by-hand');
  const mount = ['--volume', `${folder}:/app/report`];
  const args = ['compose', 'run', '--rm', ...mount, 'load', '--seconds', '10', '--users', '60', '--rate', '200'];
  const [first] = await fleet.replicas();
  const load = spawn('docker', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  load.stdout.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const ended = new Promise<number | null>((resolve) => load.once('close', resolve));
  await new Promise<void>((resolve) => load.stdout.on('data', () => said.includes('are logged in') && resolve()));
  const served = async () => (await fleet.replicas())[0]?.requestsServed ?? 0;
  const before = await served(); // by earlier tests: these users must have seen the replica before it is killed
  const isKnown = async () => (await served()) > before + 100;
  await waitFor('replica 1 serves no request', isKnown, { timeoutMs: 15_000, everyMs: 200 });
  execFileSync('docker', ['kill', first?.runsAs ?? '']);
  await fleet.restart(1);
  expect(await ended, said).toBe(0);
  expect(said).toMatch(/PASS: All \d+ sessions survived/);
  expect(existsSync(path.join(folder, 'index.html'))).toBe(true);
  expect(readFileSync(path.join(folder, 'history.jsonl'), 'utf8')).toContain('"totals"');
});
