import { closeSync, createReadStream, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { FaultRecord, Footer, Header, History, Operation } from './history.ts';

/** A history cannot be kept, or not be read. The message says in one line what to do. */
export class HistoryError extends Error {
  override name = 'HistoryError';
}

const linesAtOnce = 10_000;

/**
 * Writes a history as JSON lines: a header, a line for each fault (`fault`), one for each operation (`kind`) in the order
 * in which they ended, and a footer, without which it is not whole (`totals`: how many of each there are).
 * @throws {HistoryError} where it cannot be written there; it is then in the folder for temporary files, if that can be
 */
export function saveHistory(file: string, history: History): void {
  try {
    writeLines(file, history);
  } catch (cause) {
    removeTorn(file);
    const elsewhere = path.join(os.tmpdir(), `unsticky-history-${history.seed}.jsonl`);
    const why = `the history cannot be saved in ${file} (${(cause as Error).message})`;
    try {
      writeLines(elsewhere, history);
    } catch (again) {
      throw new HistoryError(`${why}, nor in ${elsewhere} (${(again as Error).message}): make room`, { cause });
    }
    throw new HistoryError(`${why}; it is in ${elsewhere}: make room, then judge it with --judge ${elsewhere}`, {
      cause,
    });
  }
}

/** Half a history takes the room that a whole one needs. */
function removeTorn(file: string): void {
  try {
    rmSync(file);
  } catch {} // there is none: the folder itself could not be made
}

function writeLines(file: string, history: History): void {
  const { operations, faults, invoked, strangers, background, pauses, replicasLeft, ...rest } = history;
  const { skipped, interrupted, problem, ...header } = rest;
  const seen = { invoked, strangers, background, pauses, ...(replicasLeft && { replicasLeft }) };
  const footer: Footer = { ...seen, skipped, interrupted, ...(problem && { problem }) };
  const totals = { operations: operations.length, faults: faults.length };
  mkdirSync(path.dirname(file), { recursive: true });
  const fd = openSync(file, 'w');
  try {
    write(fd, [header, ...faults]);
    for (let first = 0; first < operations.length; first += linesAtOnce) {
      write(fd, operations.slice(first, first + linesAtOnce));
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

/** @throws {HistoryError} where the file is not there, or is no history, or not a whole one; it names the line */
export async function readHistory(file: string): Promise<History> {
  const operations: Operation[] = [];
  const faults: FaultRecord[] = [];
  let header: Header | undefined;
  let footer: (Footer & Totals) | undefined;
  let number = 0;
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const text of lines) {
      number += 1;
      const line = parse(text, file, number);
      if (number === 1) header = requireHeader(line, file);
      else if ('kind' in line) operations.push(line as Operation);
      else if ('fault' in line) faults.push(line as FaultRecord);
      else if ('totals' in line) footer = line as Footer & Totals;
      else throw new HistoryError(`${file}: line ${number} is neither a fault, nor an operation, nor the end`);
    }
  } catch (cause) {
    if (cause instanceof HistoryError) throw cause;
    throw new HistoryError(`${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (!header) throw new HistoryError(`${file} is empty`);
  if (!footer)
    throw new HistoryError(`${file} is cut off after line ${number}: its end is missing, so nothing can be said`);
  const { totals, ...rest } = footer;
  if (totals.operations !== operations.length || totals.faults !== faults.length) {
    const [has, said] = [
      `${operations.length} operations and ${faults.length} faults`,
      `${totals.operations} and ${totals.faults}`,
    ];
    throw new HistoryError(`${file} is not whole: it has ${has}, and its end says ${said}`);
  }
  return { ...header, ...rest, operations, faults };
}

function parse(text: string, file: string, number: number): object {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null) return line;
  } catch (cause) {
    throw new HistoryError(`${file} is cut off, or no history: line ${number} is not JSON`, { cause });
  }
  throw new HistoryError(`${file} is no history: line ${number} is not an object`);
}

function requireHeader(line: object, file: string): Header {
  if ('format' in line && line.format === 1) return line as Header;
  throw new HistoryError(`${file} is no history of this version: its first line has no "format": 1`);
}
