import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { boundLogs, lastLines, writeLogs } from './logs.ts';
import { waitFor } from './wait.ts';

let dir: string;
let file: string;
let shown: string[];
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-test-'));
  file = path.join(dir, 'nginx.log');
  shown = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

const follow = (signal: AbortSignal) => writeLogs(dir, { lines: 0, follow: signal }, (line) => shown.push(line));

test('prints the requested number of last lines, none for 0', () => {
  writeFileSync(file, 'one\ntwo\nthree\n');
  expect(lastLines(file, 2)).toEqual(['two', 'three']);
  expect(lastLines(file, 0)).toEqual([]);
  expect(lastLines(path.join(dir, 'missing.log'), 2)).toEqual([]);
});

test('follows new lines until the abort, without older ones', async () => {
  writeFileSync(file, 'old\n');
  const ending = new AbortController();
  const following = follow(ending.signal);
  appendFileSync(file, 'new\n');
  ending.abort();
  await following;
  expect(shown).toEqual(['nginx | new']);
});

test('reads more than a MiB to its end, and passes over a longer line', async () => {
  writeFileSync(file, '');
  const ending = new AbortController();
  const following = follow(ending.signal);
  const lines = Array.from({ length: 40_000 }, (_, index) => `${index} ${'ü'.repeat(50)}`);
  appendFileSync(file, `${lines.join('\n')}\n${'x'.repeat(3_000_000)}\nlast\n`);
  ending.abort();
  await following;
  expect(shown.slice(0, 40_000)).toEqual(lines.map((line) => `nginx | ${line}`));
  expect(shown.at(-1)).toBe('nginx | last');
});

test('a truncated log is read from its start', async () => {
  writeFileSync(file, 'long enough to be longer than the next\n');
  const ending = new AbortController();
  const following = follow(ending.signal);
  truncateSync(file);
  appendFileSync(file, 'first\n');
  await waitFor('it is shown', async () => shown.length > 0, { timeoutMs: 5000 });
  ending.abort();
  await following;
  expect(shown).toEqual(['nginx | first']);
});

test('only a log beyond the limit is truncated', () => {
  writeFileSync(file, 'x'.repeat(11));
  writeFileSync(path.join(dir, 'redis.log'), 'x'.repeat(10));
  boundLogs(dir, 10);
  expect(lastLines(file, 9)).toEqual([]);
  expect(lastLines(path.join(dir, 'redis.log'), 9)).toHaveLength(1);
});

test('the last lines of all parts come in the order of their times, those of the present parts alone', async () => {
  const lines = {
    nginx: '{"time":"2026-11-27T13:00:02+00:00","method":"GET"}',
    'replica-1': '{"level":30,"time":"2026-11-27T13:00:01.500Z","msg":"ready"}\n    at a line of a stack',
    'replica-5': '{"level":30,"time":"2026-11-27T12:00:00.000Z","msg":"removed since"}',
    prometheus: 'time=2026-11-27T13:00:00.900Z level=WARN msg=x',
    redis: `4711:M ${redisTime(new Date('2026-11-27T13:00:01.200Z'))} * Ready to accept connections`,
  };
  for (const [part, text] of Object.entries(lines)) writeFileSync(path.join(dir, `${part}.log`), `${text}\n`);
  const all: string[] = [];
  const present = ['nginx', 'replica-1', 'prometheus', 'redis'];
  await writeLogs(dir, { lines: 5 }, (line) => all.push(line), present);
  expect(all.map((line) => line.split(' ')[0])).toEqual(['prometheus', 'redis', 'replica-1', 'replica-1', 'nginx']);
  const named: string[] = [];
  await writeLogs(dir, { lines: 5, parts: ['replica-5'] }, (line) => named.push(line), present);
  expect(named).toHaveLength(1);
});

/** `27 Nov 2026 13:00:01.200`, in local time, as Redis writes it. */
function redisTime(date: Date): string {
  const [, month, day, year] = date.toDateString().split(' ');
  return `${day} ${month} ${year} ${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
