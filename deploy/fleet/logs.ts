import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError, type LogOptions } from './fleet.ts';

const mostReadBytes = 1024 * 1024;
const mostLogBytes = 64 * 1024 * 1024;

/** The last lines of a file from `offset` on, read from its last MiB; none where there is no file. */
export function lastLines(file: string, count: number, offset = 0): string[] {
  if (!existsSync(file)) return [];
  const { size } = statSync(file);
  const lines = readFrom(file, Math.max(offset, size - mostReadBytes)).text.split('\n');
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
    for (const line of lastLines(file, lines)) show(line);
    return { file, show, offset: statSync(file).size };
  });
  while (follow && !follow.aborted) {
    for (const tail of tails) followOnce(tail);
    await sleep(200, undefined, { signal: follow }).catch(() => {});
  }
}

/** Shows the whole lines that came since the last time. */
function followOnce(tail: { file: string; show(line: string): void; offset: number }): void {
  const { text, truncated } = readFrom(tail.file, tail.offset);
  if (truncated) tail.offset = 0;
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  tail.offset += Buffer.byteLength(whole);
  for (const line of whole.split('\n').slice(0, -1)) tail.show(line);
}

function readFrom(file: string, offset: number): { text: string; truncated: boolean } {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size < offset) return { text: '', truncated: true };
    const buffer = Buffer.alloc(Math.min(size - offset, mostReadBytes));
    const bytes = readSync(fd, buffer, 0, buffer.length, offset);
    return { text: buffer.toString('utf8', 0, bytes), truncated: false };
  } finally {
    closeSync(fd);
  }
}

/** Empties each log of more than 64 MiB. Its writers append, so they go on at the start. */
export function boundLogs(dir: string): void {
  for (const name of existsSync(dir) ? readdirSync(dir) : []) {
    const file = path.join(dir, name);
    const { size = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
    if (size > mostLogBytes) truncateSync(file);
  }
}
