import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { judge } from '../checks/judge.ts';
import { type Report, toReport } from '../report/json.ts';
import { renderTerminal, type TerminalStyle } from '../report/terminal.ts';
import { writeReports } from '../report/write.ts';
import type { History } from '../users/history.ts';
import { HistoryError, saveHistory } from './history-file.ts';
import { applyThresholds, type Thresholds } from './thresholds.ts';

/** Saves a history, judges it, writes the reports into the folder, and prints the verdict. @throws {HistoryError} */
export function saveAndJudge(history: History, folder: string, print: Print): Report {
  const file = path.join(folder, 'history.jsonl');
  saveHistory(file, history);
  return judgeAndReport(history, folder, file, print);
}

export interface Print extends TerminalStyle {
  json: boolean;
  write(text: string): void;
  /** Printed paths are relative to it. */
  cwd: string;
  thresholds?: Thresholds;
}

/** The same for a history that is already saved. */
export function judgeAndReport(history: History, folder: string, file: string, print: Print): Report {
  const { json, write, cwd } = print;
  const report = toReport(history, applyThresholds(judge(history), print.thresholds ?? {}));
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
    const relative = (name: string) => path.relative(cwd, name) || name;
    write(`${renderTerminal(report, print)}\n`);
    const address = pathToFileURL(path.join(folder, 'index.html')).href;
    write(`report: ${address}\nhistory: ${relative(file)}`);
  }
  return report;
}

/** 0 only on a pass, 1 on a fail, 2 if the run proves nothing. */
export function exitCodeOf({ verdict }: Report): number {
  return { pass: 0, fail: 1, unknown: 2 }[verdict];
}
