import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { saveHistory } from '../run/history-file.ts';
import type { History, Operation } from '../users/history.ts';
import { createRandom } from '../users/random.ts';

const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-test-'));
afterAll(() => rmSync(dir, { recursive: true }));

const size = 1_000_000;

/** Visits as long as in real runs: 30 operations each, a third of which return a cart. */
function makeHistory(): History {
  const random = createRandom(1);
  const operations: Operation[] = [];
  const base = { outcome: 'ok', status: 200, loggedStatus: 200 } as const;
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
      if (turn === 0) operations.push({ ...operation, kind: 'login', sessionIds: [null, 'a'] });
      else if (turn % 3 === 0)
        operations.push({ ...operation, kind: 'add', value: cart.push(cart.length + 1), observed: [...cart] });
      else if (turn % 3 === 1) operations.push({ ...operation, kind: 'cart', observed: [...cart] });
      else operations.push({ ...operation, kind: 'profile', observedUser: session.split('.')[0] as string });
    }
  }
  const end = size * 0.5;
  const evidence = {
    targets: ['replica-1'],
    evidence: 'gone',
    impactBudget: { failures: 'none', stallMs: 500, answerMs: 1000 },
  } as const;
  const faults = Array.from({ length: 25 }, (_, index) => ({
    ...evidence,
    targets: ['replica-1'],
    fault: 'kill-replica',
    target: 'replica' as const,
    start: (end / 26) * (index + 1),
    end: (end / 26) * (index + 1) + 3000,
  }));
  const header = {
    format: 2,
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
    unmatchedLogLines: 0,
  };
  return {
    ...header,
    replicas: [],
    ...ending,
    backgroundLoad: null,
    eventLoopStalls: [],
    skipped: [],
    interrupted: false,
    operations,
    faults,
  };
}

/**
 * Reads and judges a file in a process of its own. Prints its peak memory, and the CPU time that it took: the wall clock
 * would measure what else the machine does. Parsing the lines alone is measured before and after it, as the unit.
 */
const program = `
  const { createReadStream } = await import('node:fs');
  const { createInterface } = await import('node:readline');
  const { readHistory } = await import('./load/run/history-file.ts');
  const { judge } = await import('./load/checks/judge.ts');
  const [, file] = process.argv;
  const cpuSecondsOf = async (work) => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  const parse = async () => {
    for await (const line of createInterface({ input: createReadStream(file) })) JSON.parse(line);
  };
  let judgement;
  const first = await cpuSecondsOf(parse);
  const seconds = await cpuSecondsOf(async () => (judgement = judge(await readHistory(file))));
  const maxRssMiB = process.resourceUsage().maxRSS / 1024;
  const parseSeconds = (first + (await cpuSecondsOf(parse))) / 2;
  console.log(JSON.stringify({ seconds, parseSeconds, maxRssMiB, ...judgement, checks: [] }));
`;

test('a million operations are read and judged in at most 6 times the CPU time of parsing them, within 1 GiB', () => {
  const file = path.join(dir, 'million.jsonl');
  saveHistory(file, makeHistory());
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program, file], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const { seconds, parseSeconds, maxRssMiB, requests, checked, reasons } = JSON.parse(stdout);
  console.log(
    `${requests.total} operations: ${seconds.toFixed(1)} s of CPU (parsing: ${parseSeconds.toFixed(1)} s), ${Math.round(maxRssMiB)} MiB`,
  );
  expect(reasons.filter((reason: string) => !reason.includes('open sessions were checked'))).toEqual([]);
  expect(requests.total).toBeGreaterThanOrEqual(size);
  expect(checked.writes).toBeGreaterThan(size / 4);
  expect(seconds / parseSeconds).toBeLessThan(6);
  expect(maxRssMiB).toBeLessThan(1024);
}, 120_000);
