import { closeSync, createReadStream, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { FaultRecord, Footer, Header, History, Operation } from '../users/history.ts';
import { upgradeLine } from './history-format-1.ts';

/** A history cannot be saved or read. The message says in one line what to do. */
export class HistoryError extends Error {
  override name = 'HistoryError';
}

const linesPerWrite = 10_000;

/**
 * Writes a history as JSON lines: a header, a line for each fault (`fault`), one for each operation (`kind`) in the order
 * in which they ended, and a footer (`totals`: how many of each there are), without which it is incomplete.
 * @throws {HistoryError} if it cannot be written there; it is then in a new folder among the temporary files, if possible
 */
export function saveHistory(file: string, history: History): void {
  try {
    writeLines(file, history);
  } catch (cause) {
    removePartial(file);
    const why = `the history cannot be saved in ${file} (${(cause as Error).message})`;
    const elsewhere = saveElsewhere(history, why);
    throw new HistoryError(`${why}; it is in ${elsewhere}: make room, then judge it with --judge ${elsewhere}`, {
      cause,
    });
  }
}

/** In a folder of its own: another user, or another run, could have made a file of a name that is known beforehand. */
function saveElsewhere(history: History, why: string): string {
  try {
    const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'unsticky-history-')), 'history.jsonl');
    writeLines(file, history);
    return file;
  } catch (cause) {
    throw new HistoryError(`${why}, nor in ${os.tmpdir()} (${(cause as Error).message}): make room`, { cause });
  }
}

/** A partial history takes the disk space that the complete one needs elsewhere. */
function removePartial(file: string): void {
  try {
    rmSync(file);
  } catch {} // it does not exist: the folder could not be made
}

function writeLines(file: string, history: History): void {
  const { format, plan, driver, store, seed, users, replicas, startedAt, command, environment, ...rest } = history;
  const header: Header = { format, plan, driver, store, seed, users, replicas, startedAt, command, environment };
  const { operations, faults, ...footer } = rest;
  const totals = { operations: operations.length, faults: faults.length };
  mkdirSync(path.dirname(file), { recursive: true });
  const fd = openSync(file, 'w');
  try {
    write(fd, [header, ...faults]);
    for (let first = 0; first < operations.length; first += linesPerWrite) {
      write(fd, operations.slice(first, first + linesPerWrite));
    }
    write(fd, [{ totals, ...footer }]);
  } finally {
    closeSync(fd);
  }
}

function write(fd: number, lines: object[]): void {
  const text = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  for (let done = 0; done < text.length; ) done += writeSync(fd, text, done);
}

interface Totals {
  totals: { operations: number; faults: number };
}

/** Reads a history of format 2 or 1. @throws {HistoryError} if the file is missing, no history, or incomplete; it names the line */
export async function readHistory(file: string): Promise<History> {
  const operations: Operation[] = [];
  const faults: FaultRecord[] = [];
  let header: Header | undefined;
  let footer: (Footer & Totals) | undefined;
  let number = 0;
  let upgrade = (line: object): object => line;
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const text of lines) {
      number += 1;
      const line = header ? upgrade(parse(text, file, number)) : parse(text, file, number);
      if (!header) {
        const format = requireFormat(line, file);
        if (format === 1) upgrade = upgradeLine;
        header = upgrade(line) as Header;
      } else if ('kind' in line) operations.push(line as Operation);
      else if ('fault' in line) faults.push(line as FaultRecord);
      else if ('totals' in line) footer = line as Footer & Totals;
      else throw new HistoryError(`${file}: line ${number} is neither a fault, nor an operation, nor the footer`);
    }
  } catch (cause) {
    if (cause instanceof HistoryError) throw cause;
    throw new HistoryError(`${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (!header) throw new HistoryError(`${file} is empty`);
  if (!footer)
    throw new HistoryError(`${file} is cut off after line ${number}: its footer is missing, so it cannot be judged`);
  const { totals, ...rest } = footer;
  if (totals.operations !== operations.length || totals.faults !== faults.length) {
    const found = `${operations.length} operations and ${faults.length} faults`;
    const expected = `${totals.operations} and ${totals.faults}`;
    throw new HistoryError(`${file} is incomplete: it has ${found}, and its footer says ${expected}`);
  }
  return { ...header, ...rest, operations, faults };
}

function parse(text: string, file: string, number: number): object {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null) return line;
  } catch (cause) {
    throw new HistoryError(`${file} is cut off or no history: line ${number} is not JSON`, { cause });
  }
  throw new HistoryError(`${file} is no history: line ${number} is not an object`);
}

function requireFormat(line: object, file: string): 1 | 2 {
  if ('format' in line && (line.format === 1 || line.format === 2)) return line.format;
  const found = 'format' in line ? `has "format": ${JSON.stringify(line.format)}` : 'has no "format"';
  throw new HistoryError(`${file} is no history that this version reads: its first line ${found}, not 2 or 1`);
}
