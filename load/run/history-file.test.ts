import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { judge } from '../checks/judge.ts';
import type { History } from '../users/history.ts';
import { readHistory, saveHistory } from './history-file.ts';

const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-test-'));
afterAll(() => rmSync(dir, { recursive: true }));

const history: History = {
  format: 2,
  plan: 'kill-replica',
  driver: 'local',
  store: 'durable',
  seed: 7,
  users: 1,
  replicas: ['replica-1'],
  startedAt: '2026-01-01T00:00:00.000Z',
  command: 'npm run survive',
  environment: { node: 'v26' },
  invoked: 2,
  unmatchedLogLines: null,
  backgroundLoad: { answered: 3, failed: 0 },
  eventLoopStalls: [],
  skipped: [{ fault: 'delay-redis', reason: 'it cannot' }],
  interrupted: false,
  faults: [
    {
      fault: 'kill-replica',
      target: 'replica',
      targets: ['replica-1'],
      start: 1,
      end: 2,
      evidence: 'gone',
      impactBudget: { failures: 'none', stallMs: 500, answerMs: 1000 },
    },
  ],
  operations: [
    {
      id: 1,
      session: 'user-0001.1',
      kind: 'login',
      start: 1,
      end: 2,
      outcome: 'ok',
      status: 200,
      replica: 'replica-1',
      sessionIds: [null, 'a'],
    },
    {
      id: 2,
      session: 'user-0001.1',
      kind: 'cart',
      start: 3,
      end: 4,
      outcome: 'ok',
      status: 200,
      replica: 'replica-1',
      observed: [1, 'user-0002.1.3'],
    },
  ],
};

function saved(name: string, change: (text: string) => string = (text) => text): string {
  const file = path.join(dir, name);
  saveHistory(file, history);
  writeFileSync(file, change(readFileSync(file, 'utf8')));
  return file;
}

test('a history is read back as it was saved', async () => {
  expect(await readHistory(saved('complete.jsonl'))).toEqual(history);
});

test.each<[string, (text: string) => string, RegExp]>([
  ['cut off in a line', (text) => text.slice(0, -300), /is cut off or no history: line \d is not JSON/],
  [
    'cut off between lines',
    (text) => text.split('\n').slice(0, 3).join('\n'),
    /is cut off after line 3: its footer is missing/,
  ],
  [
    'without a line',
    (text) => text.split('\n').toSpliced(2, 1).join('\n'),
    /is incomplete: it has 1 operations and 1 faults, and its footer says 2 and 1/,
  ],
  ['empty', () => '', /is empty/],
  ['of another format', (text) => text.replace('"format":2', '"format":3'), /has "format": 3, not 2 or 1/],
  ['not JSON', () => 'hello', /line 1 is not JSON/],
  ['with an unknown line', (text) => text.replace('"kind":"cart"', '"sort":"cart"'), /line 4 is neither/],
])('a history %s is a clear error', async (name, change, message) => {
  await expect(readHistory(saved(`${name}.jsonl`, change))).rejects.toThrow(message);
});

test('a history of format 1 has the verdict that the release which wrote it gave', async () => {
  const old = await readHistory('test/fixtures/history-format-1.jsonl');
  expect(old).toMatchObject({ format: 2, environment: { why: 'a test' }, skipped: [{ reason: expect.any(String) }] });
  expect(old.faults.map(({ target, impactBudget }) => [target, impactBudget.mustFail])).toEqual([
    ['replica', undefined],
    ['redis', true],
  ]);
  const { verdict, checks, requests } = judge(old);
  expect(verdict).toBe('fail');
  expect(requests).toEqual({ total: 19, ok: 17, unknown: 2, failed: 1, excused: 1, reconnected: 0 });
  expect(checks.map(({ count, checked }) => [count, checked])).toEqual([
    ...[
      [0, 1],
      [1, 4],
      [0, 0],
      [1, 1],
      [0, 0],
      [0, 17],
      [1, 1],
      [0, 4],
      [0, 8],
      [0, 8],
      [0, 8],
      [1, 4],
      [0, 8],
      [0, 0],
    ],
    ...[
      [1, 19],
      [0, 19],
      [0, 17],
      [0, 0],
      [0, 2],
      [0, 2],
      [0, 19],
    ],
  ]);
});

test('a missing history is a clear error', async () => {
  await expect(readHistory(path.join(dir, 'none.jsonl'))).rejects.toThrow(/none.jsonl cannot be read: ENOENT/);
});

test('a history that cannot be saved is saved elsewhere, and the error says where', async () => {
  const file = path.join(saved('no-folder'), 'history.jsonl');
  const saveElsewhere = () => {
    try {
      saveHistory(file, history);
    } catch (err) {
      return /cannot be saved in .*; it is in (.*history\.jsonl): make room/.exec((err as Error).message)?.[1] ?? '';
    }
    return '';
  };
  // Two runs of one seed do not share a file, and no file is written that exists already.
  const [first, second] = [saveElsewhere(), saveElsewhere()];
  expect(first).not.toBe(second);
  for (const elsewhere of [first, second]) {
    expect(await readHistory(elsewhere)).toEqual(history);
    expect(statSync(path.dirname(elsewhere)).mode & 0o077).toBe(0); // of this user only
    rmSync(path.dirname(elsewhere), { recursive: true });
  }
});
