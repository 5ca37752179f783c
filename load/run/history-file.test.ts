import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { History } from './history.ts';
import { readHistory, saveHistory } from './history-file.ts';

const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-test-'));
afterAll(() => rmSync(dir, { recursive: true }));

const history: History = {
  format: 1,
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
  strangers: null,
  background: { answered: 3, failed: 0 },
  pauses: [],
  skipped: [{ fault: 'delay-redis', why: 'it cannot' }],
  interrupted: false,
  faults: [
    {
      fault: 'kill-replica',
      targets: ['replica-1'],
      start: 1,
      end: 2,
      landed: 'gone',
      mayCost: { failures: 'none', stallMs: 500, answerMs: 1000 },
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
      ids: [null, 'a'],
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
      saw: [1, 'user-0002.1.3'],
    },
  ],
};

function saved(name: string, change: (text: string) => string = (text) => text): string {
  const file = path.join(dir, name);
  saveHistory(file, history);
  writeFileSync(file, change(readFileSync(file, 'utf8')));
  return file;
}

test('what is saved is read again, the very same', async () => {
  expect(await readHistory(saved('whole.jsonl'))).toEqual(history);
});

test.each<[string, (text: string) => string, RegExp]>([
  ['cut off in a line', (text) => text.slice(0, -300), /is cut off, or no history: line \d is not JSON/],
  [
    'cut off between lines',
    (text) => text.split('\n').slice(0, 3).join('\n'),
    /is cut off after line 3: its end is missing/,
  ],
  [
    'without a line',
    (text) => text.split('\n').toSpliced(2, 1).join('\n'),
    /is not whole: it has 1 operations and 1 faults, and its end says 2 and 1/,
  ],
  ['empty', () => '', /is empty/],
  ['of another format', (text) => text.replace('"format":1', '"format":2'), /no history of this version/],
  ['not JSON', () => 'hello', /line 1 is not JSON/],
  ['with a stranger in it', (text) => text.replace('"kind":"cart"', '"sort":"cart"'), /line 4 is neither/],
])('a history %s is a clear error', async (name, change, message) => {
  await expect(readHistory(saved(`${name}.jsonl`, change))).rejects.toThrow(message);
});

test('a history that is not there is a clear error', async () => {
  await expect(readHistory(path.join(dir, 'none.jsonl'))).rejects.toThrow(/none.jsonl cannot be read: ENOENT/);
});

test('where it cannot be saved, it goes elsewhere, and the error says so', async () => {
  const file = path.join(saved('no-folder'), 'history.jsonl');
  const elsewhere = path.join(os.tmpdir(), 'unsticky-history-7.jsonl');
  expect(() => saveHistory(file, history)).toThrow(
    /cannot be saved in .*; it is in .*unsticky-history-7.jsonl: make room/,
  );
  expect(await readHistory(elsewhere)).toEqual(history);
  rmSync(elsewhere);
});
