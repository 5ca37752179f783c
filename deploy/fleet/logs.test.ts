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
