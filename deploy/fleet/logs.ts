import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { FleetError, type LogOptions } from './fleet.ts';
import { pause } from './wait.ts';

const maxReadBytes = 1024 * 1024;
const lineFeed = 0x0a;

/** The last lines of a file between `offset` and `end`, at most a MiB of them; none without the file. */
export function lastLines(file: string, count: number, offset = 0, end = Infinity): string[] {
  if (!existsSync(file) || count === 0) return [];
  const last = Math.min(end, statSync(file).size);
  const { bytes } = readFrom(file, Math.max(offset, last - maxReadBytes), last);
  const lines = bytes.toString('utf8').split('\n');
  return lines.filter((line) => line !== '').slice(-count);
}

/**
 * Writes the logs of a folder (`part.log`), each line prefixed with its part's name: the last lines of all parts in the order
 * of their times, then new ones.
 * @param present the parts that exist now; the others are left out unless they are named
 */
export async function writeLogs(
  dir: string,
  options: LogOptions,
  write: (line: string) => void,
  present?: string[],
): Promise<void> {
  const { parts = [], lines, follow } = options;
  const names = existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith('.log')) : [];
  const known = names.map((name) => name.slice(0, -4)).sort();
  const unknown = parts.find((part) => !known.includes(part));
  if (unknown) throw new FleetError(`there is no log of ${unknown}: there are ${known.join(', ') || 'none'}`);
  const chosen = parts.length > 0 ? parts : known.filter((name) => present?.includes(name) ?? true);
  const width = Math.max(0, ...chosen.map((part) => part.length));
  const tails = chosen.map((part) => {
    const file = path.join(dir, `${part}.log`);
    const show = (line: string) => write(`${part.padEnd(width)} | ${line}`);
    return { file, show, offset: statSync(file).size }; // later lines are for followOnce
  });
  const last = tails.flatMap(({ file, show, offset }) => {
    let time = 0; // a line without a time belongs to the one before it
    return lastLines(file, lines, 0, offset).map((line) => {
      time = timeOf(line) ?? time;
      return { show, line, time };
    });
  });
  for (const { show, line } of last.sort((a, b) => a.time - b.time)) show(line);
  while (follow && !follow.aborted) {
    for (const tail of tails) followOnce(tail);
    await pause(200, follow);
  }
  if (follow) for (const tail of tails) followOnce(tail); // lines from before the abort
}

/** Of replicas and nginx in JSON, of Prometheus in logfmt, of Redis as it writes it. Milliseconds since 1970. */
const times = [/"time":"([^"]+)"/, /\b(?:time|ts)="?([0-9T:.Z+-]+)/, /^\d+:[A-Z] (\d{1,2} \w{3} \d{4} [\d:.]+)/];

function timeOf(line: string): number | undefined {
  for (const pattern of times) {
    const time = Date.parse(pattern.exec(line)?.[1] ?? '');
    if (!Number.isNaN(time)) return time;
  }
  return undefined;
}

interface Tail {
  file: string;
  show(line: string): void;
  offset: number;
}

/** Shows the complete lines since the last time, a MiB at a time. */
function followOnce(tail: Tail): void {
  for (;;) {
    const { bytes, truncated } = readFrom(tail.file, tail.offset);
    if (truncated) tail.offset = 0;
    const isFull = bytes.length === maxReadBytes;
    const lastFeed = bytes.lastIndexOf(lineFeed);
    // A line longer than the buffer is shown in pieces, or it would never be passed.
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
    const buffer = Buffer.alloc(Math.max(0, Math.min(Math.min(size, end) - offset, maxReadBytes)));
    return { bytes: buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, offset)), truncated: false };
  } finally {
    closeSync(fd);
  }
}

/** Empties each log larger than `maxBytes`. Its writers append, so they continue at the start. */
export function boundLogs(dir: string, maxBytes: number): void {
  for (const name of existsSync(dir) ? readdirSync(dir) : []) {
    const file = path.join(dir, name);
    const { size = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
    if (size > maxBytes) truncateSync(file);
  }
}
