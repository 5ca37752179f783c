import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError, type LogOptions } from './fleet.ts';

const mostReadBytes = 1024 * 1024;
const lineFeed = 0x0a;

/** The last lines of a file between `offset` and `end`, read from its last MiB; none where there is no file. */
export function lastLines(file: string, count: number, offset = 0, end = Infinity): string[] {
  if (!existsSync(file) || count === 0) return [];
  const last = Math.min(end, statSync(file).size);
  const { bytes } = readFrom(file, Math.max(offset, last - mostReadBytes), last);
  const lines = bytes.toString('utf8').split('\n');
  return lines.filter((line) => line !== '').slice(-count);
}

/** Writes the logs of a folder (`part.log`), each line behind its part's name. */
export async function writeLogs(dir: string, options: LogOptions, write: (line: string) => void): Promise<void> {
  const { parts = [], lines, follow } = options;
  const names = existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith('.log')) : [];
  const known = names.map((name) => name.slice(0, -4)).sort();
  const unknown = parts.find((part) => !known.includes(part));
  if (unknown) throw new FleetError(`there is no log of ${unknown}: there are ${known.join(', ') || 'none'}`);
  const chosen = parts.length > 0 ? parts : known;
  const width = Math.max(0, ...chosen.map((part) => part.length));
  const tails = chosen.map((part) => {
    const file = path.join(dir, `${part}.log`);
    const show = (line: string) => write(`${part.padEnd(width)} | ${line}`);
    const offset = statSync(file).size; // what is written from here on is for followOnce
    for (const line of lastLines(file, lines, 0, offset)) show(line);
    return { file, show, offset };
  });
  while (follow && !follow.aborted) {
    for (const tail of tails) followOnce(tail);
    await sleep(200, undefined, { signal: follow }).catch(() => {});
  }
  if (follow) for (const tail of tails) followOnce(tail); // what was written before the abort belongs to it
}

interface Tail {
  file: string;
  show(line: string): void;
  offset: number;
}

/** Shows the whole lines that came since the last time, a MiB at a time. */
function followOnce(tail: Tail): void {
  for (;;) {
    const { bytes, truncated } = readFrom(tail.file, tail.offset);
    if (truncated) tail.offset = 0;
    const isFull = bytes.length === mostReadBytes;
    const lastFeed = bytes.lastIndexOf(lineFeed);
    // A line that is longer than what is read at once is shown in pieces, or it would never be passed.
    const shown = lastFeed >= 0 ? lastFeed + 1 : isFull ? bytes.length : 0;
    tail.offset += shown;
    const text = bytes.toString('utf8', 0, shown);
    if (text !== '') for (const line of text.replace(/\n$/, '').split('\n')) tail.show(line);
    if (!truncated && !isFull) return;
  }
}

function readFrom(file: string, offset: number, end = Infinity): { bytes: Buffer; truncated: boolean } {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size < offset) return { bytes: Buffer.alloc(0), truncated: true };
    const buffer = Buffer.alloc(Math.max(0, Math.min(Math.min(size, end) - offset, mostReadBytes)));
    return { bytes: buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, offset)), truncated: false };
  } finally {
    closeSync(fd);
  }
}

/** Empties each log of more than `mostBytes`. Its writers append, so they go on at the start. */
export function boundLogs(dir: string, mostBytes: number): void {
  for (const name of existsSync(dir) ? readdirSync(dir) : []) {
    const file = path.join(dir, name);
    const { size = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
    if (size > mostBytes) truncateSync(file);
  }
}
