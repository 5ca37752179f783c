import path from 'node:path';
import { judge } from './checks/judge.ts';
import type { History } from './history.ts';
import { HistoryError, saveHistory } from './history-file.ts';
import { type Report, toReport } from './report/json.ts';
import { renderTerminal } from './report/terminal.ts';
import { writeReports } from './report/write.ts';

/** Saves a history, judges it, writes the reports into the folder, and prints the verdict. @throws {HistoryError} */
export function saveAndJudge(history: History, folder: string, print: Print): Report {
  const file = path.join(folder, 'history.jsonl');
  saveHistory(file, history);
  return judgeAndReport(history, folder, file, print);
}

export interface Print {
  json: boolean;
  write(text: string): void;
  /** Of paths in what is printed. */
  cwd: string;
}

/** As above, of a history that is saved already. */
export function judgeAndReport(history: History, folder: string, file: string, { json, write, cwd }: Print): Report {
  const report = toReport(history, judge(history));
  try {
    writeReports(folder, report);
  } catch (cause) {
    const why = `the report cannot be written in ${folder} (${(cause as Error).message})`;
    throw new HistoryError(`${why}; the history is in ${file}: make room, then judge it with --judge ${file}`, {
      cause,
    });
  }
  if (json) write(JSON.stringify(report));
  else {
    const shown = (name: string) => path.relative(cwd, name) || name;
    write(`${renderTerminal(report)}\n`);
    write(`report: ${shown(path.join(folder, 'index.html'))}   history: ${shown(file)}`);
  }
  return report;
}

/** 0 only on a pass; 1 on a fail; 2 where nothing can be said. */
export function exitCodeOf({ verdict }: Report): number {
  return { pass: 0, fail: 1, unknown: 2 }[verdict];
}
