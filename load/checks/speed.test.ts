import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { History, Operation } from '../history.ts';
import { saveHistory } from '../history-file.ts';
import { createRandom } from '../random.ts';

const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-test-'));
afterAll(() => rmSync(dir, { recursive: true }));

const size = 1_000_000;

/** Visits as long as those of real runs: 30 operations each, a third of which show a cart. */
function makeHistory(): History {
  const random = createRandom(1);
  const operations: Operation[] = [];
  const base = { outcome: 'ok', status: 200, logged: 200 } as const;
  for (let visit = 1; operations.length < size; visit++) {
    const session = `user-${String(visit % 2000).padStart(4, '0')}.${Math.ceil(visit / 2000)}`;
    const cart: number[] = [];
    for (let turn = 0; turn < 30; turn++) {
      const start = 15 * visit + 10 * turn;
      const operation = {
        ...base,
        id: operations.length + 1,
        session,
        start,
        end: start + 4 * random(),
        replica: `replica-${turn % 3}`,
      };
      if (turn === 0) operations.push({ ...operation, kind: 'login', ids: [null, 'a'] });
      else if (turn % 3 === 0)
        operations.push({ ...operation, kind: 'add', value: cart.push(cart.length + 1), saw: [...cart] });
      else if (turn % 3 === 1) operations.push({ ...operation, kind: 'cart', saw: [...cart] });
      else operations.push({ ...operation, kind: 'profile', sawUser: session.split('.')[0] as string });
    }
  }
  const end = size * 0.5;
  const landed = {
    targets: ['replica-1'],
    landed: 'gone',
    mayCost: { failures: 'none', stallMs: 500, answerMs: 1000 },
  } as const;
  const faults = Array.from({ length: 25 }, (_, index) => ({
    ...landed,
    targets: ['replica-1'],
    fault: 'kill-replica',
    start: (end / 26) * (index + 1),
    end: (end / 26) * (index + 1) + 3000,
  }));
  const header = {
    format: 1,
    plan: 'all',
    driver: 'local',
    store: 'durable',
    seed: 1,
    users: 1,
    replicas: ['replica-1'],
  } as const;
  const ending = {
    startedAt: '2026-01-01T00:00:00.000Z',
    command: '',
    environment: {},
    invoked: operations.length,
    strangers: 0,
  };
  return {
    ...header,
    replicas: [],
    ...ending,
    background: null,
    pauses: [],
    skipped: [],
    interrupted: false,
    operations,
    faults,
  };
}

/** Reads and judges a file, in a process of its own, and says how long that took and the most memory that it ever had. */
const program = `
  const { readHistory } = await import('./load/history-file.ts');
  const { judge } = await import('./load/checks/judge.ts');
  const start = performance.now();
  const judgement = judge(await readHistory(process.argv[1]));
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ seconds, maxRssMiB: process.resourceUsage().maxRSS / 1024, ...judgement, checks: [] }));
`;

test('a million operations are read and judged within 10 s and 1 GiB', () => {
  const file = path.join(dir, 'million.jsonl');
  saveHistory(file, makeHistory());
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program, file], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const { seconds, maxRssMiB, requests, checked, reasons } = JSON.parse(stdout);
  console.log(`${requests.total} operations: ${seconds.toFixed(1)} s, ${Math.round(maxRssMiB)} MiB`);
  expect(reasons.filter((reason: string) => !reason.includes('looked at again'))).toEqual([]);
  expect(requests.total).toBeGreaterThanOrEqual(size);
  expect(checked.writes).toBeGreaterThan(size / 4);
  expect(seconds).toBeLessThan(10);
  expect(maxRssMiB).toBeLessThan(1024);
}, 120_000);
